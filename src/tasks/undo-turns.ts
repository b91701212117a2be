import { withAccount } from "../../db/client.ts";
import type { Deps } from "../deps.ts";
import { UserError } from "../errors.ts";
import { toPublicMarkdown } from "../github/outgoing-text.ts";
import type { Attempt } from "./attempt.ts";
import { assertFence } from "./fence-store.ts";
import { noWork } from "./make-receipt.ts";
import { holderOf, runStep } from "./steps.ts";
import { takeBack, type TakenBack } from "./take-back.ts";
import { endOf, type TaskEnd } from "./task-end.ts";
import { listPublishedTurns, markUndone } from "./undo-store.ts";

/**
 * `undo [n]`: branch, sandbox and conversation go back by n turns together. The branch is moved back, or, where others
 * have pushed onto it or nothing would be left of it, a commit takes the turns back.
 */
export async function undoTurns(deps: Deps, attempt: Attempt): Promise<TaskEnd> {
  const { claim, start } = attempt;
  const { task, session } = claim;
  if (session.writes !== "own-branch") throw notOurs(session.branch);
  const count = task.options.undoTurns ?? 1;
  const published = await withAccount(deps.db, task.accountId, (tx) =>
    listPublishedTurns(tx, { sessionId: session.id, before: task.id, limit: count + 1 }),
  );
  const turns = published.slice(0, count);
  const oldest = turns.at(-1);
  if (oldest === undefined || !start.branchExists)
    return endOf.completed({ kind: "no-changes", text: say(deps, "There is no turn here to take back.") });
  attempt.status.update({ phase: "publishing" });
  const undone = await runStep<TakenBack>(deps, holderOf(claim), {
    name: "undo",
    find: () => Promise.resolve(null),
    act: () => takeBack(deps, attempt, { turns, madeSha: published[count]?.shas.at(-1) ?? null }),
  });
  await withAccount(deps.db, task.accountId, async (tx) => {
    await assertFence(tx, { taskId: task.id, fence: claim.fence });
    await markUndone(tx, {
      ...{ sessionId: session.id, oldestTaskId: oldest.taskId, undoTaskId: task.id },
      headSha: undone.madeSha,
    });
  });
  const { pull } = undone;
  return {
    ...endOf.completed({
      kind: "undone",
      turns: undone.turns.map(({ title, shas }) => ({ title, sha: shas.at(-1) ?? "" })),
      how: undone.how,
      branch: session.branch,
      sha: undone.sha,
      pull,
    }),
    work: {
      ...noWork,
      remoteSha: undone.sha,
      branch: session.branch,
      pullNumber: pull?.number ?? null,
    },
  };
}

const say = ({ config, redact }: Pick<Deps, "config" | "redact">, text: string) =>
  toPublicMarkdown(text, { allowedHosts: [new URL(config.github.serverUrl).host], redact });

const notOurs = (branch: string) =>
  new UserError(
    "undo-not-ours",
    `\`${branch}\` is a person's branch, and only branches of this bot are moved back.`,
    "Revert the commit by hand, or write `/claude` and what to take back.",
  );
