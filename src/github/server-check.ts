import { z } from "zod";
import { formatDuration } from "./amounts.ts";
import { toInlineCode } from "./inline-text.ts";

/** One of the repository's own test commands, as the server ran it after a turn. */
export const serverCheckSchema = z.strictObject({
  command: z.string(),
  /** Null for one that was not run, or did not end by itself. */
  exitCode: z.int().nullable(),
  ended: z.enum(["exited", "limit", "signal", "sandbox-failed", "not-run"]).default("exited"),
  /** What ended it, such as SIGKILL. */
  signal: z.string().nullable().default(null),
  durationMs: z.int().min(0).default(0),
  /** The last lines of its output, redacted; "" of one that passed. */
  tail: z.string().default(""),
});

export type ServerCheck = z.infer<typeof serverCheckSchema>;

export const hasPassed = ({ exitCode }: ServerCheck): boolean => exitCode === 0;

/** One line of Markdown: the command, how it ended, how long it took. */
export function renderCheck(check: ServerCheck): string {
  const sign = check.ended === "not-run" ? "▫️" : hasPassed(check) ? "✅" : "❌";
  const took = check.ended === "not-run" ? "" : `, ${formatDuration(check.durationMs)}`;
  return `${sign} ${toInlineCode(check.command, 120)}, ${howItEnded(check)}${took}`;
}

/** The first that failed as a sentence; null when all passed, or there were none. */
export function renderFailure(checks: readonly ServerCheck[]): string | null {
  const failed = checks.find((check) => !hasPassed(check));
  if (failed === undefined) return null;
  const command = toInlineCode(failed.command, 120);
  return failed.ended === "not-run"
    ? `⚠️ **The repository's tests were not run**: ${command} and what follows it.`
    : `⚠️ **The repository's tests failed**: ${command}, ${howItEnded(failed)}.`;
}

function howItEnded({ ended, exitCode, signal }: ServerCheck): string {
  switch (ended) {
    case "exited":
      return `exit code ${exitCode ?? "unknown"}`;
    case "limit":
      return "ended by the time limit";
    case "signal":
      return `ended by ${signal ?? "a signal"}`;
    case "sandbox-failed":
      return "broken off because the sandbox failed";
    case "not-run":
      return "not run";
  }
}
