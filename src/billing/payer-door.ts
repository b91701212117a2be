import type { BillingConfig } from "../config.ts";
import type { Deps } from "../deps.ts";
import { openPayerPage } from "./open-payer-page.ts";
import { findAccountByGitHubId } from "./payer-store.ts";
import { planNames } from "./plan-names.ts";
import { findPortal } from "./set-up-plan.ts";
import { createStripeClient } from "./stripe-client.ts";

/** An owner of an account, by GitHub's own numbers, and where they come back to. */
export type PayerVisit = { githubId: number; by: { id: number; login: string }; returnUrl: string };

/** What opens a page at Stripe for an owner's visit; null: the App is not installed for that account. UserError, TransientError. */
export type PayerDoor = (visit: PayerVisit) => Promise<string | null>;

export function createPayerDoor(
  config: BillingConfig,
  deps: Pick<Deps, "db" | "system" | "clock" | "log">,
): PayerDoor {
  const stripe = createStripeClient(config);
  const { lookupKeys } = planNames;
  return async ({ githubId, by, returnUrl }) => {
    const account = await findAccountByGitHubId(deps.system, githubId);
    if (account?.installed !== true) return null;
    return openPayerPage(
      {
        ...deps,
        stripe,
        lookupKeys,
        portalConfiguration: async () => (await findPortal(stripe))?.id ?? null,
      },
      { account, by, returnUrl },
    );
  };
}
