import type { createStripeClient } from "../billing/stripe-client.ts";
import { UserError } from "../errors.ts";
import type { CliIo } from "./cli-io.ts";

export type Billing = { stripe: ReturnType<typeof createStripeClient>; mode: "live" | "test" };

/** Stripe's client for a command, and whether it is about real money. UserError `billing-off` where nobody is billed. */
export async function openBilling(io: CliIo): Promise<Billing> {
  const { billing } = io.readConfig();
  if (billing === null)
    throw new UserError(
      "billing-off",
      "Nobody is billed by this server: STRIPE_SECRET_KEY and STRIPE_WEBHOOK_SECRET are not set.",
      "Set both; docs/billing.md leads through it.",
    );
  // Only here, so that no other command loads Stripe's client.
  const client = await import("../billing/stripe-client.ts");
  return { stripe: client.createStripeClient(billing), mode: billing.livemode ? "live" : "test" };
}
