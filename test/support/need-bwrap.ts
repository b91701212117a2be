import { spawnSync } from "node:child_process";
import type { TestContext } from "vitest";
import { findTool } from "../../src/sandbox/find-tool.ts";

let missing: Promise<string | null> | undefined;

/** Skips a test where bubblewrap or what it needs is not to be had, saying what; under CI=true the test runs and fails. */
export async function needBwrap(context: TestContext): Promise<void> {
  if (process.env.CI === "true") return;
  const what = await (missing ??= findMissing());
  if (what !== null) context.skip(`skipped: ${what}`);
}

async function findMissing(): Promise<string | null> {
  const bwrap = await findTool("bwrap");
  if (bwrap === null) return "bubblewrap";
  if ((await findTool("socat")) === null) return "socat";
  const trial = [
    "--unshare-user",
    "--unshare-net",
    "--unshare-pid",
    "--ro-bind",
    "/",
    "/",
    "--proc",
    "/proc",
    "true",
  ];
  const { status } = spawnSync(bwrap, trial, { stdio: "ignore" });
  return status === 0 ? null : "user namespaces for bubblewrap";
}
