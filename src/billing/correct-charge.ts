import type { Tx } from "../../db/client.ts";
import { TransientError, UserError } from "../errors.ts";
import { identifierOf } from "./charge-leg.ts";
import { insertCharge, listRevisions, type Charge, type LegRef } from "./charge-store.ts";
import { chooseCorrection, type CorrectionStep } from "./correction-step.ts";
import {
  insertOutboxRow,
  lockMeterEvent,
  supersedeRow,
  sumDelivered,
  type OutboxRow,
} from "./outbox-store.ts";

export type Correction = {
  /** What is to be owed for the leg in the end, whole cents. */
  amountCents: number;
  /** For the ledger, such as "goodwill". */
  reason: string;
  /** When the billing period that is open now began; an older charge is on an invoice. */
  periodStart: Date;
  now: Date;
  billing: "on" | "off";
};

export type Corrected = { charge: Charge; step: CorrectionStep };

/**
 * Puts right what is owed for a leg: a further revision with the difference, and what Stripe is to hear of it. Nothing is ever
 * edited. UserError where there is nothing to correct, and where only a person can.
 */
export async function correctCharge(tx: Tx, leg: LegRef, correction: Correction): Promise<Corrected> {
  const { now, periodStart, amountCents } = correction;
  const revisions = await listRevisions(tx, leg);
  const last = revisions.at(-1);
  if (last === undefined) throw nothingCharged(leg);
  const owed = revisions.reduce((sum, each) => sum + each.amountCents, 0);
  const differenceCents = amountCents - owed;
  if (differenceCents === 0 || amountCents < 0 || !Number.isSafeInteger(amountCents))
    throw notACorrection(owed, amountCents);
  const sent = await newestEvent(tx, revisions);
  const step = chooseCorrection(
    {
      ...{ state: sent?.state ?? (owed > 0 ? "kept" : "none"), attempts: sent?.attempts ?? 0 },
      deliveredAt: sent?.deliveredAt ?? null,
      invoiced: last.createdAt < periodStart,
      periodCents: await sumDelivered(tx, { accountId: leg.accountId, since: periodStart }),
    },
    { differenceCents, now, billing: correction.billing },
  );
  if (step.kind === "by-hand") throw byHand(step.why);
  const charge = await insertCharge(tx, {
    ...leg,
    ...{ sessionId: last.sessionId, repositoryId: last.repositoryId, requesterId: last.requesterId },
    ...{ lastAttempt: last.lastAttempt, card: last.card, kind: "correction", reason: correction.reason },
    ...{ revision: last.revision + 1, costMicroUsd: 0 },
    ...{ priceMicroUsd: differenceCents * 10_000, amountCents: differenceCents },
  });
  if (charge === null)
    throw new TransientError(`leg ${leg.leg} of task ${leg.taskId} was corrected by somebody else just now`);
  await say(tx, { charge, sent, step, amountCents });
  return { charge, step };
}

/** The event that stands for the leg now: that of the newest revision that has one. */
async function newestEvent(tx: Tx, revisions: readonly Charge[]): Promise<OutboxRow | null> {
  for (const { id } of revisions.toReversed()) {
    const row = await lockMeterEvent(tx, id);
    if (row !== null) return row;
  }
  return null;
}

async function say(
  tx: Tx,
  input: { charge: Charge; sent: OutboxRow | null; step: CorrectionStep; amountCents: number },
): Promise<void> {
  const { charge, sent, step, amountCents } = input;
  const { accountId, id: chargeId } = charge;
  const event = { accountId, chargeId, kind: "meter-event", identifier: identifierOf(charge) } as const;
  // What was sent as several events before is replaced by its newest one only.
  const replaced = (sent?.valueCents ?? 0) + charge.amountCents;
  switch (step.kind) {
    case "ledger-only":
    case "by-hand":
      return;
    case "supersede":
      if (sent !== null) await supersedeRow(tx, sent.id);
      if (replaced !== 0) await insertOutboxRow(tx, { ...event, valueCents: replaced });
      return;
    case "cancel-and-send":
      if (sent !== null)
        await insertOutboxRow(tx, {
          ...{ accountId, chargeId: sent.chargeId, kind: "meter-cancel", valueCents: 0 },
          identifier: `${sent.identifier}:cancel`,
        });
      if (replaced !== 0) await insertOutboxRow(tx, { ...event, valueCents: replaced });
      return;
    case "send-difference":
      return insertOutboxRow(tx, { ...event, valueCents: charge.amountCents });
    case "credit-note":
      return insertOutboxRow(tx, { ...event, kind: "credit-note", valueCents: charge.amountCents });
    default:
      return never(step, amountCents);
  }
}

function never(step: never, amountCents: number): never {
  throw new Error(`unknown correction ${JSON.stringify(step)} to ${amountCents} cents`);
}

const nothingCharged = ({ taskId, leg }: LegRef) =>
  new UserError(
    "charge-missing",
    `Expected a charge of leg ${leg} of task ${taskId}, got none.`,
    "Look the task up with `remote-claude show`; a leg is charged when it ends.",
  );

const notACorrection = (owed: number, wanted: number) =>
  new UserError(
    "correction-invalid",
    `Expected whole cents from 0 up other than the ${owed} that are owed, got ${wanted}.`,
    "Name what is to be owed in the end, not the difference.",
  );

const byHand = (why: "outcome-unknown" | "below-nothing") =>
  new UserError(
    "correction-by-hand",
    why === "outcome-unknown"
      ? "Nobody knows yet whether Stripe took the charge, so it cannot be corrected."
      : "The correction would take the period's sum below nothing, which Stripe would invoice as nothing.",
    why === "outcome-unknown"
      ? "Correct it once it is delivered."
      : "Give a credit note or a promotional credit for the rest.",
  );
