import { tmpdir } from "node:os";
import { runHostGit } from "../../host-git.ts";
import { fail, ok, type CheckResult } from "./check.ts";
import { isAtLeast } from "./check-node.ts";

/** The oldest git that the suite runs with. */
const least = "2.39";

/** Asks the git that the bot itself would start. */
export async function checkGit(): Promise<CheckResult> {
  const result = await runHostGit({
    args: ["--version"],
    cwd: tmpdir(),
    protocol: "none",
    timeoutMs: 10_000,
  }).catch((error: unknown) => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  });
  if (result === null) return fail("git is not installed", `Install git ${least} or newer.`);
  const version = /^git version (\d+(?:\.\d+)+)/.exec(result.stdout.toString("utf8"))?.[1];
  if (version === undefined)
    return fail(`git --version ended with ${result.exitCode ?? "a signal"}`, "Reinstall git.");
  return isAtLeast(version, least)
    ? ok(version)
    : fail(`expected ${least} or newer, got ${version}`, `Install git ${least} or newer.`);
}
