import type { Tx } from "../../db/client.ts";
import { billingTermsOf } from "../billing/billing-terms.ts";
import type { Config } from "../config.ts";
import { hastenJobs } from "../queue/hasten-store.ts";
import type { Queue } from "../queue/queue.ts";
import { recordUsage, sumTaskUsage } from "../usage/usage-store.ts";
import { closeLeg } from "./close-leg.ts";
import { foldSteering } from "./fold-steering.ts";
import { makeReceipt } from "./make-receipt.ts";
import { isStopRequested } from "./stop-store.ts";
import { settleEarlier } from "./settle-store.ts";
import type { TaskEnd } from "./task-end.ts";
import { endTask, readRunTime, type Task } from "./task-store.ts";
import { findAccountLogin } from "./tenant-store.ts";

export type RecordEndDeps = {
  queue: Pick<Queue, "enqueue">;
  config: Pick<Config, "billing"> & { limits: Pick<Config["limits"], "accountMonthMicroUsd"> };
};

/**
 * Ends a task with its usage, its charge, its receipt and, unless it was asked to stop, the follow-up of comments that came too late for its
 * turn, and the look at its checks that it put off. `over`: calls that are not settled now never will be. False when it had ended already.
 */
export async function recordEnd(
  deps: RecordEndDeps,
  tx: Tx,
  { task, end, now, over = false }: { task: Task; end: TaskEnd; now: Date; over?: boolean },
): Promise<boolean> {
  const ids = { taskId: task.id, accountId: task.accountId };
  await recordUsage(tx, { ...ids, sessionId: task.sessionId, attempt: task.fence, fault: end.fault, over });
  await settleEarlier(tx, { task, fault: end.fault });
  const terms = billingTermsOf(deps.config);
  const bill = await closeLeg(tx, {
    ...{ task, end: end.outcome, lost: end.fault === "platform", terms, now },
    defaultMonthMicroUsd: deps.config.limits.accountMonthMicroUsd,
  });
  if (terms.billing === "on") await deps.queue.enqueue(tx, "send-charges", {});
  const [usage, durationMs, payer] = await Promise.all([
    sumTaskUsage(tx, ids),
    readRunTime(tx, ids),
    findAccountLogin(tx, task.accountId),
  ]);
  const receipt = makeReceipt({ work: end.work, usage, durationMs, payer, bill });
  const ended = await endTask(tx, { taskId: task.id, status: end.status, outcome: end.outcome, receipt });
  if (!ended || (await isStopRequested(tx, task.id))) return ended;
  await foldSteering(deps, tx, task);
  // A look at checks that met this task waits for its hour; what failed meanwhile is seen now.
  await hastenJobs(tx, "checks-later", task.sessionId);
  return ended;
}
