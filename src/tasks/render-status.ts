import { withAccount, type Db } from "../../db/client.ts";
import { renderStatusComment, type StatusPhase, type StatusView } from "../github/status-comment.ts";
import { showsAmounts } from "./amounts-store.ts";
import { estimateCost } from "./estimate-cost-store.ts";
import { toStatusView } from "./status-phase.ts";
import type { Task } from "./task-store.ts";

/** The status comment of a task in a phase, with amounts of money where the repository shows them, and before its start what it may come to. */
export async function renderStatus(
  deps: { db: Db },
  task: Task,
  { phase, todos }: { phase: StatusPhase; todos?: StatusView["todos"] },
): Promise<string> {
  const begins = phase.kind === "queued" || phase.kind === "starting";
  const { amounts, estimate } = await withAccount(deps.db, task.accountId, async (tx) => {
    const shown = await showsAmounts(tx, task.repositoryId);
    return { amounts: shown, estimate: shown && begins ? await estimateCost(tx, task) : null };
  });
  return renderStatusComment({
    ...toStatusView(task, phase, todos),
    ...(amounts ? {} : { hidesAmounts: true }),
    ...(estimate === null ? {} : { estimate }),
  });
}
