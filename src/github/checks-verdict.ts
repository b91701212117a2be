import type { CheckResult } from "./checks-results.ts";

export type Verdict = "real" | "flaky" | "baseline";

export type CheckVerdicts = {
  /** Names of what has not ended. */
  pending: string[];
  /** What stands as failed now, those that a change can mend first. */
  failed: { result: CheckResult; verdict: Verdict }[];
  /** Names of what failed once and passed when it was run again. */
  recovered: string[];
};

/**
 * What the results of a commit mean. flaky: the same check has passed on the very same commit; baseline: it stands as
 * failed on the base as well; real: anything else.
 */
export function judgeChecks(head: readonly CheckResult[], base: readonly CheckResult[]): CheckVerdicts {
  const standing = standingOf(head);
  const redOnBase = new Set(
    standingOf(base)
      .filter(({ state }) => state === "failed")
      .map(({ across }) => across),
  );
  const was = (result: CheckResult, state: CheckResult["state"]) =>
    head.some((other) => other.state === state && overtakes(result, other));
  const verdictOf = (result: CheckResult): Verdict => {
    if (was(result, "passed")) return "flaky";
    return redOnBase.has(result.across) ? "baseline" : "real";
  };
  return {
    pending: standing.filter(({ state }) => state === "pending").map(({ name }) => name),
    failed: standing
      .filter(({ state }) => state === "failed")
      .map((result) => ({ result, verdict: verdictOf(result) }))
      .toSorted((a, b) => order[a.verdict] - order[b.verdict] || a.result.id - b.result.id),
    recovered: standing
      .filter((result) => result.state === "passed" && was(result, "failed"))
      .map(({ name }) => name),
  };
}

const order: Record<Verdict, number> = { real: 0, flaky: 1, baseline: 2 };

function standingOf(results: readonly CheckResult[]): CheckResult[] {
  return results.filter((result) => !results.some((other) => overtakes(other, result)));
}

/** Two jobs of one name run side by side; only what began after the other's end is the same one again. */
function overtakes(later: CheckResult, earlier: CheckResult): boolean {
  if (later.identity !== earlier.identity || later.id <= earlier.id) return false;
  if (later.kind === "status") return true;
  if (later.startedAt === null || earlier.completedAt === null) return earlier.completedAt !== null;
  return new Date(later.startedAt) >= new Date(earlier.completedAt);
}
