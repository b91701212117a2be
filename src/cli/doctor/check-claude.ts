import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { z } from "zod";
import { findClaude } from "../../sandbox/find-tool.ts";
import { fail, ok, warn, type CheckResult } from "./check.ts";

const run = promisify(execFile);
const name = "@anthropic-ai/claude-code";
const versions = z.record(z.string(), z.string()).default({});
const packageFile = z.object({
  dependencies: versions,
  optionalDependencies: versions,
  devDependencies: versions,
});

/** Finds the binary that the local sandbox would mount, and asks it for its version, in a home of its own. */
export async function checkClaude(configured: string | null): Promise<CheckResult> {
  const path = await findClaude(configured);
  if (path === null) {
    return fail(
      configured === null
        ? "expected Claude Code in node_modules or on the system, found none"
        : `expected CLAUDE_BIN to be an executable file, got ${configured}`,
      "Run npm ci (it brings @anthropic-ai/claude-code), or set CLAUDE_BIN to the claude executable.",
    );
  }
  const version = await askVersion(path);
  const tested = readTested();
  if (version === null)
    return fail(`${path} --version said nothing that looks like one`, "Install Claude Code again.");
  if (tested !== null && version !== tested) {
    return warn(
      `${version} at ${path}; this release is tested with ${tested}`,
      "Run npm ci, or leave CLAUDE_BIN out.",
    );
  }
  return ok(`${version} at ${path}`);
}

async function askVersion(path: string): Promise<string | null> {
  const home = await mkdtemp(join(tmpdir(), "remote-claude-doctor-"));
  try {
    const env = { HOME: home, PATH: "/usr/local/bin:/usr/bin:/bin", DISABLE_AUTOUPDATER: "1" };
    const { stdout } = await run(path, ["--version"], { cwd: home, env, timeout: 15_000 });
    return /^(\d+\.\d+\.\d+)/.exec(stdout.trim())?.[1] ?? null;
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

function readTested(): string | null {
  const text = readFileSync(new URL("../../../package.json", import.meta.url), "utf8");
  const { dependencies, optionalDependencies, devDependencies } = packageFile.parse(JSON.parse(text));
  return dependencies[name] ?? optionalDependencies[name] ?? devDependencies[name] ?? null;
}
