import { mergesCleanly, revision } from "./git.ts";
import type { JsonObject } from "./json.ts";
import type { Issue, Pull, Repository } from "./state.ts";

/** What a pull request says of whether it can be merged. Null and "unknown" until `computeMergeability` ran for its two commits. */
export async function mergeableFacts(
  repository: Repository,
  issue: Issue & { pull: Pull },
): Promise<JsonObject> {
  const { pull } = issue;
  const base = await baseOf(repository, pull);
  const known = pull.mergeability;
  const isKnown = issue.state === "open" && known?.base === base && known?.head === pull.headSha;
  const mergeable = isKnown ? known.isClean : null;
  return {
    mergeable,
    rebaseable: mergeable,
    mergeable_state: mergeable === null ? "unknown" : mergeable ? standing(repository, pull) : "dirty",
  };
}

/** Asks git whether base and head merge, for the next read to tell: GitHub starts this when somebody reads, too. */
export async function computeMergeability(repository: Repository, pull: Pull): Promise<void> {
  const base = await baseOf(repository, pull);
  if (base === undefined || (pull.mergeability?.base === base && pull.mergeability.head === pull.headSha))
    return;
  const head = pull.headSha;
  pull.mergeability = { base, head, isClean: await mergesCleanly(repository.directory, base, head) };
}

async function baseOf(repository: Repository, pull: Pull): Promise<string | undefined> {
  return await revision(repository.directory, `refs/heads/${pull.baseRef}`);
}

const fine = new Set(["success", "neutral", "skipped"]);

function standing(repository: Repository, pull: Pull): string {
  if (pull.draft) return "draft";
  if (repository.protectedBranches.has(pull.baseRef)) return "blocked";
  const runs = repository.checkRuns.filter(({ headSha }) => headSha === pull.headSha);
  const latest = new Map(runs.map((run) => [`${run.appId} ${run.name}`, run.conclusion]));
  const said = new Map(
    repository.checks.statuses
      .filter(({ sha }) => sha === pull.headSha)
      .map(({ context, state }) => [context, state]),
  );
  const isGreen =
    [...latest.values()].every((conclusion) => fine.has(conclusion ?? "")) &&
    [...said.values()].every((state) => state === "success");
  return isGreen ? "clean" : "unstable";
}
