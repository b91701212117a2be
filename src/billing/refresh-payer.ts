import type Stripe from "stripe";
import { withAccount, type Tx } from "../../db/client.ts";
import type { Deps } from "../deps.ts";
import { lockPayer, updatePayer, type Payer } from "./payer-store.ts";
import { readPayer } from "./read-payer.ts";

export type RefreshDeps = Pick<Deps, "db" | "clock" | "log"> & { stripe: Stripe };

/**
 * Reads an account's customer from Stripe and replaces the row, under the row's lock: whoever asks last writes last, so the row
 * ends at the truth whatever was heard in which order. Without a customer there is nothing to read.
 */
export async function refreshPayer(
  deps: RefreshDeps,
  input: { accountId: string; disputeIds?: readonly string[] },
): Promise<Payer> {
  return withAccount(deps.db, input.accountId, (tx) => refreshLocked(deps, tx, input));
}

/** The same in a transaction of the caller's, which holds the lock to its end. */
export async function refreshLocked(
  deps: Omit<RefreshDeps, "db">,
  tx: Tx,
  { accountId, disputeIds = [] }: { accountId: string; disputeIds?: readonly string[] },
): Promise<Payer> {
  const before = await lockPayer(tx, accountId);
  const { stripeCustomerId } = before;
  if (stripeCustomerId === null) return before;
  const now = deps.clock.now();
  const { surplus, ...reading } = await readPayer(deps.stripe, {
    before: { ...before, stripeCustomerId },
    ...{ disputeIds, now },
  });
  if (surplus.length > 0)
    deps.log.error(
      { accountId, subscriptionId: reading.subscriptionId, surplus },
      "an account has more than one plan; cancel the others at Stripe and give their money back",
    );
  const isOver =
    before.checkoutId !== null &&
    (await deps.stripe.checkout.sessions.retrieve(before.checkoutId)).status !== "open";
  return updatePayer(tx, accountId, {
    ...reading,
    readAt: now,
    ...(isOver ? { checkoutId: null, checkoutExpiresAt: null, checkoutBy: null } : {}),
  });
}
