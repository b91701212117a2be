import Stripe from "stripe";
import { recordAudit } from "../../db/audit.ts";
import { withAccount, type Tx } from "../../db/client.ts";
import { TransientError, UserError } from "../errors.ts";
import { ensureCustomer } from "./ensure-customer.ts";
import { updatePayer, type Payer, type PayingAccount } from "./payer-store.ts";
import { refreshLocked, refreshPayer, type RefreshDeps } from "./refresh-payer.ts";

export type PayerPageDeps = RefreshDeps & {
  /** As the set-up made them; see setup-stripe. */
  lookupKeys: { base: string; usage: string };
  /** null: Stripe's default one. */
  portalConfiguration: () => Promise<string | null>;
};

type Visit = { account: PayingAccount; by: { id: number; login: string }; returnUrl: string };

/** Stripe takes nothing shorter than 30 minutes, and its clock is not ours. */
const checkoutMs = 31 * 60_000;

const over: ReadonlySet<string | null> = new Set([null, "canceled", "incomplete_expired"]);

/**
 * The page at Stripe that this visit is for: Checkout while the account has no plan, else the portal. Answers its address, which opens
 * it for whoever has it: it is for a redirect, and never stored or logged. TransientError: Stripe did not do it.
 */
export async function openPayerPage(deps: PayerPageDeps, visit: Visit): Promise<string> {
  try {
    const { id: accountId } = visit.account;
    // A customer that was deleted at Stripe is forgotten by it, and a new one made.
    await refreshPayer(deps, { accountId });
    const customer = await ensureCustomer(deps, visit.account);
    return await withAccount(deps.db, accountId, async (tx) => {
      const payer = await refreshLocked(deps, tx, { accountId });
      const isOver = over.has(payer.subscriptionStatus);
      await recordAudit(tx, {
        ...{ accountId, act: "billing-opened", actor: `user:${visit.by.id}` },
        data: { page: isOver ? "checkout" : "portal", login: visit.by.login },
      });
      return isOver ? openCheckout(deps, tx, { visit, customer }) : openPortal(deps, { visit, payer });
    });
  } catch (error) {
    if (!(error instanceof Stripe.errors.StripeError)) throw error;
    throw new TransientError(`Stripe did not open the page (${error.type})`, { cause: error });
  }
}

/** One open Checkout an account: what was open before is closed first. */
async function openCheckout(
  { stripe, lookupKeys, clock }: PayerPageDeps,
  tx: Tx,
  { visit, customer }: { visit: Visit; customer: string },
): Promise<string> {
  const { account, by, returnUrl } = visit;
  const prices = await findPrices(stripe, lookupKeys);
  const open = await stripe.checkout.sessions.list({ customer, status: "open", limit: 100 });
  for (const { id } of open.data) await stripe.checkout.sessions.expire(id);
  const expiresAt = new Date(clock.now().getTime() + checkoutMs);
  const session = await stripe.checkout.sessions.create({
    ...{ mode: "subscription", customer, client_reference_id: account.id },
    line_items: [{ price: prices.base, quantity: 1 }, { price: prices.usage }],
    subscription_data: {
      metadata: { github_account_id: String(account.githubId), account_id: account.id },
      billing_mode: { type: "flexible" },
    },
    ...{ success_url: returnUrl, cancel_url: returnUrl },
    expires_at: Math.floor(expiresAt.getTime() / 1000),
  });
  if (session.url === null) throw new Error(`Stripe made Checkout ${session.id} without an address`);
  await updatePayer(tx, account.id, {
    ...{ checkoutId: session.id, checkoutExpiresAt: expiresAt, checkoutBy: by.login },
  });
  return session.url;
}

async function openPortal(
  { stripe, portalConfiguration }: PayerPageDeps,
  { visit, payer }: { visit: Visit; payer: Payer },
): Promise<string> {
  if (payer.stripeCustomerId === null)
    throw new Error(`account ${payer.accountId} has a plan and no customer`);
  const configuration = await portalConfiguration();
  const session = await stripe.billingPortal.sessions.create({
    ...{ customer: payer.stripeCustomerId, return_url: visit.returnUrl },
    ...(configuration === null ? {} : { configuration }),
  });
  return session.url;
}

async function findPrices(stripe: Stripe, keys: PayerPageDeps["lookupKeys"]): Promise<typeof keys> {
  const { data } = await stripe.prices.list({ lookup_keys: [keys.base, keys.usage], active: true });
  const idOf = (key: string) => data.find(({ lookup_key: of }) => of === key)?.id;
  const [base, usage] = [idOf(keys.base), idOf(keys.usage)];
  if (base === undefined || usage === undefined)
    throw new UserError(
      "plan-not-set-up",
      "This server's plan does not exist at Stripe yet.",
      "Its operator runs `remote-claude billing setup`.",
    );
  return { base, usage };
}
