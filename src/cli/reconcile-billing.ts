import { systemClock } from "../clock.ts";
import { formatUsd } from "../github/amounts.ts";
import { writeJson, type CliIo } from "./cli-io.ts";
import { createCliLogger } from "./cli-logger.ts";
import { openBilling } from "./open-billing.ts";
import { withCliDatabase } from "./open-cli-database.ts";
import { renderTable } from "./render-table.ts";

/** `remote-claude billing reconcile`: what runs every hour, now; the exit code is 1 where a person has to look. */
export async function reconcileBilling(io: CliIo, { json }: { json: boolean }): Promise<void> {
  const { stripe } = await openBilling(io);
  const { reconcileCharges } = await import("../billing/reconcile-charges.ts");
  const log = createCliLogger(io);
  const found = await withCliDatabase(io, ({ system }) =>
    reconcileCharges({ stripe, system, log, clock: systemClock }),
  );
  const { accounts, arrived, sentAgain, open, drifts } = found;
  if (open.length + drifts.length > 0) io.setExitCode(1);
  if (json) {
    writeJson(io, found);
    return;
  }
  const lines = [
    ...arrived.map((charge) => `${charge}  Stripe has it after all`),
    ...sentAgain.map((charge) => `${charge}  Stripe has not got it; it is sent again`),
    ...open.map(
      (charge) => `${charge}  nobody can say: look for it on Stripe's pages, then billing outbox resend`,
    ),
  ];
  if (lines.length > 0) io.write(`${lines.join("\n")}\n`);
  if (drifts.length === 0) {
    const what = accounts === 1 ? "1 account" : `${accounts} accounts`;
    io.write(`Of ${what}, Stripe has counted exactly what was sent.\n`);
    return;
  }
  io.write("Stripe has counted something else than was sent:\n");
  const usd = (cents: number) => formatUsd(cents * 10_000);
  io.write(
    renderTable({
      heading: ["ACCOUNT", "SINCE", "SENT", "COUNTED"],
      rows: drifts.map(({ login, since, ledgerCents, stripeCents }) => [
        login,
        since.toISOString(),
        usd(ledgerCents),
        stripeCents === null ? "no such customer" : usd(stripeCents),
      ]),
      columns: io.columns,
    }),
  );
}
