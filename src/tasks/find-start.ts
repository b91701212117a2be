import { withAccount } from "../../db/client.ts";
import type { Deps } from "../deps.ts";
import { UserError } from "../errors.ts";
import { updateSession } from "../sessions/session-store.ts";
import type { Claim } from "./claim-store.ts";
import { legStep } from "./leg-step.ts";
import { holderOf, runStep } from "./steps.ts";

/** `sha`: the commit that the work starts from. `branchExists`: the session's branch stands there on GitHub. */
export type Start = { sha: string; branchExists: boolean };

/**
 * Where the work starts: the session's branch as it stands on GitHub, which people may have pushed to, else the base as it
 * was at the trigger. A step, so that a later attempt of the same leg starts from the same commit.
 */
export async function findStart(
  deps: Pick<Deps, "db">,
  claim: Claim,
  readBranch: () => Promise<string | null>,
): Promise<Start> {
  const { session, task } = claim;
  return runStep<Start>(deps, holderOf(claim), {
    name: legStep("start", task.leg),
    find: () => Promise.resolve(null),
    act: async () => {
      const start = await startOf(claim, readBranch);
      await withAccount(deps.db, task.accountId, (tx) =>
        updateSession(tx, {
          sessionId: session.id,
          taskId: task.id,
          fence: claim.fence,
          set: {
            baseSha: session.baseSha ?? task.context.base.sha,
            baseRef: session.baseRef ?? task.context.base.ref,
          },
        }),
      );
      return start;
    },
  });
}

async function startOf({ session, task }: Claim, readBranch: () => Promise<string | null>): Promise<Start> {
  const { pull, base } = task.context;
  switch (session.writes) {
    case "own-branch": {
      const pushed = session.headSha === null ? null : await readBranch();
      return pushed === null
        ? { sha: session.baseSha ?? base.sha, branchExists: false }
        : { sha: pushed, branchExists: true };
    }
    case "pull-head": {
      const sha = await readBranch();
      if (sha !== null) return { sha, branchExists: true };
      throw new UserError(
        "head-branch-gone",
        `The branch \`${session.branch}\` of this pull request no longer exists.`,
        "Restore it with GitHub's button on the pull request, then write the command again.",
      );
    }
    case "nothing":
      if (pull === null) throw new Error(`task ${task.id} of a fork's pull request knows no pull request`);
      return { sha: pull.head.sha, branchExists: false };
  }
}
