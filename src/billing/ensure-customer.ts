import type Stripe from "stripe";
import { withAccount } from "../../db/client.ts";
import type { Deps } from "../deps.ts";
import { lockPayer, updatePayer, type PayingAccount } from "./payer-store.ts";

type EnsureDeps = Pick<Deps, "db" | "clock"> & { stripe: Stripe };

/** Stripe keeps a key's outcome for a day, a failure included, so it must not be the same for ever. */
const keyMs = 600_000;

/**
 * The account's one customer at Stripe, made at its first visit under the row's lock and kept through renames and reinstallations.
 * When the making was not written down, a second try within minutes gets the same one by its key; later there is one too many, which
 * nothing is ever charged to.
 */
export async function ensureCustomer(
  { db, stripe, clock }: EnsureDeps,
  { id: accountId, githubId, login }: PayingAccount,
): Promise<string> {
  return withAccount(db, accountId, async (tx) => {
    const payer = await lockPayer(tx, accountId);
    if (payer.stripeCustomerId !== null) return payer.stripeCustomerId;
    const mark = String(githubId);
    const round = Math.floor(clock.now().getTime() / keyMs);
    const customer = await stripe.customers.create(
      { name: login, metadata: { github_account_id: mark, account_id: accountId } },
      // The row's time, so that one that was deleted is not answered again.
      { idempotencyKey: `customer:${mark}:${payer.updatedAt.getTime()}:${round}` },
    );
    await updatePayer(tx, accountId, { stripeCustomerId: customer.id });
    return customer.id;
  });
}
