import { writeJson, type CliIo } from "./cli-io.ts";
import { openBilling } from "./open-billing.ts";
import { renderTable } from "./render-table.ts";

/** `remote-claude billing setup`: what the plan consists of at Stripe, made where it is missing. */
export async function setUpBilling(
  io: CliIo,
  { dryRun, json }: { dryRun: boolean; json: boolean },
): Promise<void> {
  const { stripe, mode } = await openBilling(io);
  // Only here, so that no other command loads Stripe's client.
  const { setUpPlan } = await import("../billing/set-up-plan.ts");
  const parts = await setUpPlan(stripe, { dryRun });
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
