import { withAccount } from "../../db/client.ts";
import { correctCharge } from "../billing/correct-charge.ts";
import { findPayer } from "../billing/payer-store.ts";
import { formatUsd } from "../github/amounts.ts";
import { chooseOne } from "./choose-one.ts";
import { writeJson, type CliIo } from "./cli-io.ts";
import { toIdRange } from "./id-range.ts";
import { withCliDatabase } from "./open-cli-database.ts";
import { recordOperator } from "./record-operator.ts";
import { findAccountOfTask, findTasksInRange } from "./task-list-store.ts";
import { toTerminalLine } from "./terminal-text.ts";

export type CorrectInput = {
  task: string;
  leg: number;
  /** What is to be owed for the leg in the end. */
  amountCents: number;
  reason: string;
  json: boolean;
};

/** `remote-claude billing correct`: a further revision of a leg's charge, and what Stripe is to hear of it. */
export async function correctOneCharge(io: CliIo, input: CorrectInput): Promise<void> {
  const { leg, amountCents, reason } = input;
  const range = toIdRange(input.task, "task");
  const now = io.now();
  const { charge, step } = await withCliDatabase(io, async ({ db, system }, config) => {
    const { id: taskId } = chooseOne(await findTasksInRange(system, range), {
      ...{ what: "task", prefix: input.task },
      describe: ({ status, instruction }) => `${status}  ${toTerminalLine(instruction).slice(0, 60)}`,
    });
    const accountId = await findAccountOfTask(system, taskId);
    await recordOperator(system, {
      ...{ accountId, command: "billing correct", data: { task: taskId, leg, amountCents, reason } },
    });
    return withAccount(db, accountId, async (tx) => {
      const payer = await findPayer(tx, accountId);
      return correctCharge(
        tx,
        { accountId, taskId, leg },
        {
          ...{ amountCents, reason, now, periodStart: payer?.periodStart ?? monthOf(now) },
          billing: config.billing === null ? "off" : "on",
        },
      );
    });
  });
  if (input.json) {
    const { taskId, revision, amountCents: differenceCents } = charge;
    writeJson(io, { taskId, leg, revision, differenceCents, amountCents, step: step.kind });
    return;
  }
  const owed = formatUsd(amountCents * 10_000);
  io.write(`Leg ${leg} of task ${charge.taskId} owes ${owed} now (revision ${charge.revision}).\n`);
  io.write(`${said[step.kind]}\n`);
}

const said = {
  "ledger-only": "Stripe has nothing to hear of it.",
  supersede: "Stripe will hear of this amount only.",
  "cancel-and-send": "Stripe will forget the first amount and hear of this one.",
  "send-difference": "Stripe will hear of the difference.",
  "credit-note": "It is on an invoice already: give the credit note on Stripe's pages.",
  "by-hand": "It has to be put right by hand.",
};

const monthOf = (now: Date) => new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), 1));
