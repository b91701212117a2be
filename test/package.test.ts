import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import packageJson from "../package.json" with { type: "json" };
import packageLock from "../package-lock.json" with { type: "json" };
import { readSourceFiles } from "./support/source-files.ts";

const { dependencies, devDependencies, optionalDependencies } = packageJson;

test("every version is exact, so that a fresh clone is what was tested", () => {
  const all = Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies });
  expect(all.filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))).toEqual([]);
});

test("the lock file knows this package.json", () => {
  const { name, version, license, engines, bin } = packageJson;
  const root = packageLock.packages[""];
  expect(root).toEqual({
    name,
    version,
    license,
    engines,
    bin,
    dependencies,
    devDependencies,
    optionalDependencies,
  });
});

test("what runs in production is a dependency, and not only somebody else's", () => {
  const tools = /^db\/(drizzle\.config|generate-down)\.ts$/;
  const used = readSourceFiles(["src", "db"])
    .filter(({ path }) => !tools.test(path))
    .flatMap(({ imports }) => imports.filter(({ ours, typeOnly }) => !ours && !typeOnly))
    .map(({ target }) => target)
    .filter((target) => !target.startsWith("node:"));
  expect([...new Set(used)].filter((target) => !(target in dependencies))).toEqual([]);
});

test("pages and the image name the Claude Code that is tested", () => {
  for (const path of ["../Dockerfile", "../docs/self-hosting.md"]) {
    const text = readFileSync(new URL(path, import.meta.url), "utf8");
    const [, version] = /CLAUDE_CODE_VERSION=(\d[\w.]*)/.exec(text) ?? [];
    expect(version, path).toBe(devDependencies["@anthropic-ai/claude-code"]);
  }
});
