import { withAccount } from "../../db/client.ts";
import { readEntitlement, type AccountEntitlement } from "../billing/read-entitlement.ts";
import type { Deps } from "../deps.ts";
import { planTermsOf } from "../tasks/judge-plan.ts";
import { requestStop } from "../tasks/task-store.ts";
import { takeRefused } from "./ignored-store.ts";

type HeedDeps = Pick<Deps, "db" | "system" | "queue" | "config" | "clock" | "log" | "plans">;

/** A turn mostly ends by itself within it, and that is its safe point. */
const soonMs = 10 * 60_000;

/**
 * Does what an account's plan says now; called whenever it was read anew. Running tasks go on, or are stopped; where work may begin
 * again, so do the commands that were refused for the plan a while ago.
 */
export async function heedPlan(deps: HeedDeps, accountId: string): Promise<void> {
  const plan = await readPlan(deps, accountId);
  if (plan === null) return;
  if (plan.newWork.ok) await startRefused(deps, accountId);
  if (plan.running === "stop-soon")
    await deps.queue.enqueue(
      deps.system,
      "stop-by-plan",
      { accountId },
      { key: accountId, startAfterMs: soonMs },
    );
  else if (plan.running !== "finish") await stopByPlan(deps, { accountId });
}

/** Stops what still runs for an account whose plan lets nothing go on. What waits keeps waiting, for the plan may come back. */
export async function stopByPlan(deps: HeedDeps, { accountId }: { accountId: string }): Promise<void> {
  const plan = await readPlan(deps, accountId);
  if (plan === null || plan.running === "finish") return;
  const by = "the account's plan, which has ended";
  const stopping = await withAccount(deps.db, accountId, (tx) =>
    requestStop(tx, { scope: { accountId }, by }),
  );
  if (stopping.length > 0) deps.log.info({ accountId, stopping }, "tasks were stopped by the account's plan");
}

/** Their deliveries are handled anew, from the gate on; a request that has its task by now changes nothing. */
async function startRefused(deps: HeedDeps, accountId: string): Promise<void> {
  const ids = await deps.system.transaction(async (tx) => {
    const taken = await takeRefused(tx, accountId);
    await deps.queue.enqueueAll(
      tx,
      "intake",
      taken.map((deliveryId) => ({ deliveryId })),
    );
    return taken;
  });
  if (ids.length > 0) deps.log.info({ accountId, deliveryIds: ids }, "commands begin that waited for a plan");
}

async function readPlan(deps: HeedDeps, accountId: string): Promise<AccountEntitlement | null> {
  const plan = planTermsOf(deps);
  if (plan === null) return null;
  return withAccount(deps.db, accountId, (tx) => readEntitlement(tx, { accountId, billing: "on", ...plan }));
}
