import { withAccount } from "../../db/client.ts";
import { claimNotice } from "../billing/notice-store.ts";
import { readEntitlement, type AccountEntitlement } from "../billing/read-entitlement.ts";
import { UserError, toError } from "../errors.ts";
import type { Admitted, ThreadEvent, TriggerDeps } from "./trigger.ts";

type PlanDeps = Pick<TriggerDeps, "db" | "config" | "clock" | "log" | "plans">;

/**
 * Holds a request against the account's plan. What there is to say of it is said once a period and account; UserError `no-plan`, to
 * which nothing is to be added, when nothing may begin. With billing off it does nothing.
 */
export async function checkPlan(
  deps: PlanDeps,
  { deliveryId }: Pick<ThreadEvent, "deliveryId">,
  { tenant: { accountId }, reply, decline }: Pick<Admitted, "tenant" | "reply" | "decline">,
): Promise<void> {
  const entitlement = await readPlan(deps, accountId);
  if (entitlement === null) return;
  const { notice, text, newWork } = entitlement;
  if (notice !== null && text !== null) {
    const period = periodOf(entitlement, deps.clock.now());
    const claim = { accountId, notice, period, deliveryId };
    const isFirst = await withAccount(deps.db, accountId, (tx) => claimNotice(tx, claim));
    if (isFirst) await reply(text);
    else if (!newWork.ok) await decline();
  }
  if (!newWork.ok) throw new UserError("no-plan", text ?? "Nothing new is started.", "An owner can mend it.");
}

/** Whether a task that nobody commanded may begin; nobody is told why not. */
export async function mayBegin(deps: PlanDeps, accountId: string): Promise<boolean> {
  return (await readPlan(deps, accountId))?.newWork.ok !== false;
}

/** Null: billing is off. A no is looked up once more, for Stripe's word of a change may be late or lost. */
async function readPlan(deps: PlanDeps, accountId: string): Promise<AccountEntitlement | null> {
  const { db, config, clock, log, plans } = deps;
  if (plans === undefined) return null;
  const { publicUrl } = config.server;
  const read = () =>
    withAccount(db, accountId, (tx) =>
      readEntitlement(tx, { accountId, publicUrl, now: clock.now(), billing: "on" }),
    );
  const known = await read();
  if (known.newWork.ok) return known;
  try {
    await plans.lookAgain(accountId);
  } catch (error) {
    // What is known is said then.
    log.warn({ err: toError(error), accountId }, "Stripe could not be asked about an account");
  }
  return read();
}

/** A refusal is repeated the next day; what only informs is said once for the day that it speaks of, or the month. */
function periodOf({ newWork, day }: AccountEntitlement, now: Date): string {
  const today = now.toISOString();
  if (!newWork.ok) return today.slice(0, 10);
  return day === null ? today.slice(0, 7) : day.toISOString().slice(0, 10);
}
