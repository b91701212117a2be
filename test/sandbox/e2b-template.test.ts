import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { E2B } from "e2b";
import { afterEach, expect, test, vi } from "vitest";
import { buildTemplate } from "../../sandbox/template/build.ts";
import { defineTemplate, dockerfile } from "../../sandbox/template/template.ts";
import { claudeVersion } from "../../src/sandbox/claude-version.ts";

afterEach(() => vi.restoreAllMocks());

const pinned = (
  JSON.parse(readFileSync("package.json", "utf8")) as { devDependencies: Record<string, string> }
).devDependencies["@anthropic-ai/claude-code"];

test("the template has the Claude Code of package.json, and the program expects that one", () => {
  const installed = [...readFileSync(dockerfile, "utf8").matchAll(/@anthropic-ai\/claude-code@(\S+)/g)];
  expect(installed.map(([, version]) => version)).toEqual([pinned]);
  expect(claudeVersion).toBe(pinned);
});

test("E2B's builder understands every line of the Dockerfile", () => {
  const warned = vi.spyOn(console, "warn");
  const client = new E2B({ apiKey: `e2b_${"0".repeat(40)}` });
  const read = client.Template.toDockerfile(defineTemplate(client));
  expect(warned).not.toHaveBeenCalled();
  const lines = (text: string) =>
    text
      .split("\n")
      .map((line) => line.trim().replaceAll(/\s+/g, " "))
      .filter((line) => line !== "" && !line.startsWith("#"));
  const written = lines(readFileSync(dockerfile, "utf8"));
  expect(lines(read).filter((line) => !["USER root", "WORKDIR /"].includes(line))).toEqual(written);
});

test("the template has a user of uid 1000 who owns the workspace, and the tools of the brief", () => {
  const text = readFileSync(dockerfile, "utf8");
  expect(text).toMatch(/^FROM node:24-/m);
  expect(text).toMatch(/usermod --login user --home \/home\/user/);
  expect(text).toMatch(/--owner=user --group=user --mode=0755 \/workspace \/workspace\/tmp$/m);
  expect(text).toMatch(/^USER user$/m);
  for (const tool of ["git", "python3", "build-essential", "socat", "tar", "bash", "util-linux"]) {
    expect(text).toMatch(new RegExp(`apt-get install .* ${tool} `));
  }
});

test("without a key the build says which variable is missing and where a key comes from", async () => {
  await expect(buildTemplate({}, () => undefined)).rejects.toMatchObject({
    code: "e2b-key",
    message: expect.stringContaining("E2B_API_KEY") as string,
    remedy: expect.stringContaining("https://e2b.dev") as string,
  });
  const { status, stderr } = spawnSync(process.execPath, [join("sandbox", "template", "build.ts")], {
    encoding: "utf8",
    env: { PATH: process.env.PATH },
  });
  expect({ status, stderr }).toMatchObject({
    status: 78,
    stderr: expect.stringContaining("E2B_API_KEY") as string,
  });
});
