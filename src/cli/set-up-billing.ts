import { UserError } from "../errors.ts";
import { writeJson, type CliIo } from "./cli-io.ts";
import { renderTable } from "./render-table.ts";

/** `remote-claude billing setup`: what the plan consists of at Stripe, made where it is missing. */
export async function setUpBilling(
  io: CliIo,
  { dryRun, json }: { dryRun: boolean; json: boolean },
): Promise<void> {
  const { billing } = io.readConfig();
  if (billing === null)
    throw new UserError(
      "billing-off",
      "Nobody is billed by this server: STRIPE_SECRET_KEY and STRIPE_WEBHOOK_SECRET are not set.",
      "Set both; docs/billing.md leads through it.",
    );
  // Only here, so that no other command loads Stripe's client.
  const [{ createStripeClient }, { setUpPlan }] = await Promise.all([
    import("../billing/stripe-client.ts"),
    import("../billing/set-up-plan.ts"),
  ]);
  const parts = await setUpPlan(createStripeClient(billing), { dryRun });
  const mode = billing.livemode ? "live" : "test";
  if (json) {
    writeJson(io, { mode, dryRun, parts });
    return;
  }
  const word = (made: boolean) => (made ? (dryRun ? "would be made" : "made") : "was there");
  io.write(`The plan at Stripe, in ${mode} mode:\n`);
  io.write(
    renderTable({
      heading: ["PART", "STATE", "ID"],
      rows: parts.map(({ name, made, id }) => [name, word(made), id ?? "-"]),
      columns: io.columns,
    }),
  );
}
