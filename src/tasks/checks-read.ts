import type { Octokit } from "@octokit/rest";
import { readAnnotations } from "../github/checks-annotations.ts";
import { readLogTail } from "../github/checks-log.ts";
import { readCheckResults, type CheckResult } from "../github/checks-results.ts";
import { readPendingSuites } from "../github/checks-suites.ts";
import { judgeChecks, type CheckVerdicts } from "../github/checks-verdict.ts";
import { GitHubRefusal } from "../github/github-error.ts";
import { oneLine } from "../github/inline-text.ts";
import { stripInvisible } from "../github/strip-invisible.ts";
import type { RepositoryRef } from "../github/thread.ts";
import { cutToBytes } from "./checks-cut.ts";
import type { FrozenCheck } from "./frozen-context.ts";
import { toVisibleText } from "./visible-text.ts";

export type ReadChecksInput = {
  repository: RepositoryRef;
  headSha: string;
  /** Where the base branch stands. */
  baseSha: string;
  ourAppId: number;
  now: Date;
  /** Details of failures are asked for only when nothing is pending. */
  whenDone?: true;
};

export type ChecksReading = {
  headSha: string;
  /** Names of what still runs, each once. */
  pending: string[];
  /** What stands as failed, real failures first; ten at most. */
  failed: FrozenCheck[];
  leftOut: number;
  /** What failed and passed when it was run again. */
  recovered: string[];
  /** Of the newest real failure, so that a re-run that fails again is another one; null: there is none. */
  newestFailure: { id: number; suiteId: number | null } | null;
};

const maxChecks = 10;
const maxBytes = 8 * 1_024;

/**
 * The checks of a commit, told apart by what the same checks said before and on the base. What they wrote is foreign
 * text: it comes back without what nobody can see, in at most 8 KiB each.
 */
export async function readChecks(octokit: Octokit, input: ReadChecksInput): Promise<ChecksReading> {
  const { repository, headSha, baseSha, ourAppId, now } = input;
  const [results, suites] = await Promise.all([
    readCheckResults(octokit, { repository, sha: headSha, ourAppId }),
    readPendingSuites(octokit, { repository, sha: headSha, ourAppId, now }),
  ]);
  const alone = judgeChecks(results, []);
  const pending = [...new Set(alone.pending.length > 0 ? alone.pending : suites)];
  const nothing = {
    headSha,
    pending,
    failed: [],
    leftOut: 0,
    recovered: alone.recovered,
    newestFailure: null,
  };
  if (alone.failed.length === 0 || (pending.length > 0 && input.whenDone === true)) return nothing;
  const base = await readCheckResults(octokit, { repository, sha: baseSha, ourAppId });
  const { failed } = judgeChecks(results, base);
  const told = failed.slice(0, maxChecks);
  return {
    ...nothing,
    failed: await Promise.all(told.map((one) => freeze(octokit, repository, one))),
    leftOut: failed.length - told.length,
    newestFailure: newestReal(failed),
  };
}

function newestReal(failed: CheckVerdicts["failed"]): ChecksReading["newestFailure"] {
  const [newest] = failed
    .filter(({ verdict }) => verdict === "real")
    .toSorted((a, b) => b.result.id - a.result.id);
  return newest === undefined ? null : { id: newest.result.id, suiteId: newest.result.suiteId };
}

async function freeze(
  octokit: Octokit,
  repository: RepositoryRef,
  { result, verdict }: CheckVerdicts["failed"][number],
): Promise<FrozenCheck> {
  const isRun = result.kind === "run";
  const [places, log] = await Promise.all([
    isRun && result.output.annotations > 0
      ? readAnnotations(octokit, { repository, checkRunId: result.id })
      : [],
    isRun && result.appSlug === "github-actions" ? logOf(octokit, repository, result.id) : null,
  ]);
  const annotations = places.map(
    ({ path, line, level, message }) => `- ${path}:${line} (${level}): ${oneLine(message, 500)}`,
  );
  const { title, summary, text } = result.output;
  const words = [title, summary, ...annotations, text].filter((part) => part.trim() !== "").join("\n\n");
  return {
    id: isRun ? result.id : null,
    name: oneLine(result.name, 200),
    conclusion: oneLine(result.conclusion, 40),
    url: httpUrl(result),
    summary: cutToBytes(toVisibleText(cutToBytes(words, maxBytes)).text, maxBytes),
    logTail: log === null ? null : stripInvisible(log).text,
    verdict,
  };
}

/** Without a log the check can still be repaired, or looked into. */
async function logOf(octokit: Octokit, repository: RepositoryRef, jobId: number): Promise<string | null> {
  try {
    return await readLogTail(octokit, { repository, jobId, maxBytes });
  } catch (error) {
    if (error instanceof GitHubRefusal) return null;
    throw error;
  }
}

/** A status may name any address at all. */
function httpUrl({ url }: CheckResult): string | null {
  if (url === null || !URL.canParse(url)) return null;
  const parsed = new URL(url);
  return parsed.protocol === "https:" || parsed.protocol === "http:" ? parsed.href : null;
}
