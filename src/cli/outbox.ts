import { UserError } from "../errors.ts";
import { formatUsd } from "../github/amounts.ts";
import { sendAgain } from "../billing/reconcile-store.ts";
import { writeJson, type CliIo } from "./cli-io.ts";
import { withCliDatabase } from "./open-cli-database.ts";
import { findOutboxRow, listOutbox } from "./outbox-list-store.ts";
import { recordOperator } from "./record-operator.ts";
import { formatAge } from "./relative-time.ts";
import { renderTable } from "./render-table.ts";

/** `remote-claude billing outbox list`: what Stripe has not taken yet, and why; with `all` what it has as well. */
export async function showOutbox(
  io: CliIo,
  { limit, all, json }: { limit: number; all: boolean; json: boolean },
): Promise<void> {
  const charges = await withCliDatabase(io, ({ system }) => listOutbox(system, { limit, all }));
  if (json) {
    writeJson(io, { charges });
    return;
  }
  if (charges.length === 0) {
    io.write(all ? "Nothing was to be sent yet.\n" : "Nothing is waiting: Stripe has every charge.\n");
    return;
  }
  const now = io.now();
  io.write(
    renderTable({
      heading: ["CHARGE", "ACCOUNT", "KIND", "AMOUNT", "STATE", "TRIES", "AGE", "BECAUSE"],
      rows: charges.map((row) => [
        row.identifier,
        row.account,
        row.kind,
        formatUsd(row.valueCents * 10_000),
        row.state,
        String(row.attempts),
        formatAge(row.createdAt, now),
        row.problem ?? (row.hasCustomer ? "" : "the account has no plan yet"),
      ]),
      columns: io.columns,
    }),
  );
}

/** `remote-claude billing outbox resend`: for an operator who has looked, and knows that Stripe has not got it. */
export async function resendCharge(
  io: CliIo,
  { charge, json }: { charge: string; json: boolean },
): Promise<void> {
  const sent = await withCliDatabase(io, async ({ system }) => {
    const row = await findOutboxRow(system, charge);
    if (row === null)
      throw new UserError(
        "charge-unknown",
        `Expected a charge of the outbox, got ${JSON.stringify(charge)}.`,
        "remote-claude billing outbox list shows them.",
      );
    const [again] = await sendAgain(system, [row.id]);
    if (again === undefined)
      throw new UserError(
        "charge-not-lost",
        `Expected a charge in the state reconcile or dead, got one that is ${row.state}.`,
        "Others are sent by themselves, or Stripe has them.",
      );
    await recordOperator(system, {
      ...{ accountId: row.accountId, command: "billing outbox resend", data: { charge } },
    });
    return again;
  });
  if (json) writeJson(io, { charge: sent.identifier, state: "pending" });
  else io.write(`${sent.identifier} is sent again within a minute.\n`);
}
