import type { Octokit } from "@octokit/rest";
import { withAccount } from "../../db/client.ts";
import { UserError } from "../errors.ts";
import type { BuiltCommit } from "../github/build-commit.ts";
import { pushBranch } from "../github/push-branch.ts";
import { assertOpenBranch } from "../github/open-branch.ts";
import { readBranchSha } from "../github/read-branch.ts";
import { updateSession } from "../sessions/session-store.ts";
import type { PublishDeps, PublishInput } from "./publish.ts";
import { holderOf, runStep } from "./steps.ts";
import type { Claim } from "./claim-store.ts";

/** Somebody else's branch of our name is left alone; we take the next name, a few times. */
const maxNames = 5;

/** Puts the commit on the session's branch, a step; answers the branch that it is on. */
export async function pushWork(
  deps: PublishDeps,
  input: PublishInput,
  push: { commit: BuiltCommit; octokit: Octokit; token: string },
): Promise<{ branch: string }> {
  const { claim } = input;
  const { commitSha } = push.commit;
  const persons = claim.session.writes === "pull-head";
  const stands = async (branch: string) =>
    (await readBranchSha(push.octokit, input.repository, branch)) === commitSha;
  const pushed = await runStep(deps, holderOf(claim), {
    name: `push:${commitSha}`,
    find: async () => ((await stands(claim.session.branch)) ? { branch: claim.session.branch } : null),
    act: async () => {
      if (persons) await assertOpenBranch(push.octokit, input.repository, claim.session.branch);
      for (let name = 1; ; name++) {
        const branch = name === 1 ? claim.session.branch : `${claim.session.branch}-${name}`;
        if (name > 1) await keepBranch(deps, claim, { branch });
        const outcome = await pushBranch({
          quarantinePath: push.commit.quarantinePath,
          remoteUrl: input.remoteUrl,
          token: push.token,
          branch,
          commitSha,
          expectedSha: input.branchExists ? input.parentSha : null,
          ...(persons ? { personsBranch: true } : {}),
        });
        if (outcome.pushed || (await stands(branch))) return { branch };
        const taken = outcome.reason === "stale" && !input.branchExists && name < maxNames;
        if (!taken) throw pushRefused(outcome.reason, branch, outcome.detail);
      }
    },
  });
  await keepBranch(deps, claim, { branch: pushed.branch, headSha: commitSha });
  return pushed;
}

async function keepBranch(
  deps: PublishDeps,
  claim: Claim,
  set: { branch: string; headSha?: string },
): Promise<void> {
  await withAccount(deps.db, claim.task.accountId, (tx) =>
    updateSession(tx, { sessionId: claim.session.id, taskId: claim.task.id, fence: claim.fence, set }),
  );
}

function pushRefused(reason: string, branch: string, detail: string): UserError {
  if (reason === "stale") {
    return new UserError(
      "branch-moved",
      `Somebody pushed to \`${branch}\` while this task was running, so the work was not pushed over theirs.`,
      "Write the command again: it starts from the branch as it is now.",
    );
  }
  return new UserError(
    `push-${reason}`,
    `GitHub refused the push to \`${branch}\` (${reason}).`,
    "Check the repository's rules for branches that start with `claude/`, then repeat the command.",
    { cause: new Error(detail) },
  );
}
