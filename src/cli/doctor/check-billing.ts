import { openDatabase } from "../../../db/client.ts";
import { readBillingStats } from "../../billing/billing-stats-store.ts";
import type { Config } from "../../config.ts";
import { formatPlural } from "../../github/amounts.ts";
import { fail, ok, warn, type CheckResult } from "./check.ts";

/** A charge that waits longer than this for Stripe is no passing trouble. */
const longSeconds = 15 * 60;

/** Whether Stripe takes our key and has the plan. */
export async function checkStripe(billing: NonNullable<Config["billing"]>): Promise<CheckResult> {
  // Only here, so that no other command loads Stripe's client.
  const [{ createStripeClient }, { setUpPlan }] = await Promise.all([
    import("../../billing/stripe-client.ts"),
    import("../../billing/set-up-plan.ts"),
  ]);
  const parts = await setUpPlan(createStripeClient(billing), { dryRun: true });
  const missing = parts.filter(({ made }) => made).map(({ name }) => name);
  const mode = billing.livemode ? "live" : "test";
  return missing.length === 0
    ? ok(`the key works, in ${mode} mode, and the plan is there`)
    : fail(`in ${mode} mode Stripe has no ${missing.join(", ")}`, "Run remote-claude billing setup.");
}

/** Whether charges reach Stripe. */
export async function checkCharges(url: string): Promise<CheckResult> {
  const database = openDatabase({ url });
  try {
    const { charges, oldestSeconds, problem, paused } = await readBillingStats(database.system);
    const lost = charges.reconcile + charges.dead;
    if (paused)
      return fail(
        `nothing is sent${problem === null ? "" : `: ${problem}`}`,
        "Set STRIPE_SECRET_KEY to a key that Stripe takes and start the bot again; charges go on by themselves within 5 minutes.",
      );
    if (oldestSeconds > longSeconds)
      return fail(
        `a charge has waited for ${Math.round(oldestSeconds / 60)} minutes${problem === null ? "" : `: ${problem}`}`,
        "See that a worker runs and that Stripe takes STRIPE_SECRET_KEY; remote-claude billing outbox list shows all.",
      );
    if (lost > 0)
      return warn(
        `${formatPlural(lost, "charge")} may not have reached Stripe`,
        "Run remote-claude billing reconcile; remote-claude billing outbox list shows why.",
      );
    return ok("Stripe has every charge that could be sent");
  } finally {
    await database.close();
  }
}
