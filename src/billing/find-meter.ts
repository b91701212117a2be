import type Stripe from "stripe";
import { planNames } from "./plan-names.ts";

/** The meter that counts what accounts use; undefined: `billing setup` was not run. */
export async function findMeter(stripe: Stripe): Promise<Stripe.Billing.Meter | undefined> {
  for await (const meter of stripe.billing.meters.list({ status: "active", limit: 100 }))
    if (meter.event_name === planNames.eventName) return meter;
  return undefined;
}
