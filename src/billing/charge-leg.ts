import type { Tx } from "../../db/client.ts";
import { findRateCard } from "../usage/rate-cards.ts";
import type { Entitlement } from "./entitlement.ts";
import { insertCharge, listRevisions, sumLeg, type Charge, type LegRef } from "./charge-store.ts";
import { insertOutboxRow } from "./outbox-store.ts";
import { rateLeg } from "./rate-leg.ts";
import type { WhoPays } from "./who-pays.ts";

export type BillingTerms = {
  /** off: nobody is billed, prices are costs, and nothing is to be sent. */
  billing: "on" | "off";
  /** The account brings its own model key. */
  ownModelKey: boolean;
};

/**
 * Charges a leg once, in the transaction that ends it and after its usage is in the ledger: the charge and, where the account's
 * plan sends what is used (`bill`), what Stripe is to hear of it. A leg that nobody pays for is charged at nothing, with the reason.
 */
export async function chargeLeg(
  tx: Tx,
  leg: LegRef,
  { verdict, terms, bill }: { verdict: WhoPays; terms: BillingTerms; bill: Entitlement["bill"] },
): Promise<Charge> {
  const used = await sumLeg(tx, leg);
  const card = findRateCard(used.askedAt);
  const paid = verdict.charged ? used.paid : { modelMicroUsd: 0, machineMicroUsd: 0 };
  const { priceMicroUsd, amountCents } = rateLeg(card, paid, {
    margins: terms.billing === "on",
    ownModelKey: terms.ownModelKey,
  });
  const charge = await insertCharge(tx, {
    ...leg,
    ...{ lastAttempt: used.lastAttempt, sessionId: used.sessionId },
    ...{ repositoryId: used.repositoryId, requesterId: used.requesterId },
    ...{ revision: 1, kind: "charge", reason: verdict.reason, card: card.version },
    ...{ costMicroUsd: used.costMicroUsd, priceMicroUsd, amountCents },
  });
  if (charge === null) return firstRevision(tx, leg);
  if (terms.billing === "on" && bill === "send" && charge.amountCents > 0)
    await insertOutboxRow(tx, {
      ...{ accountId: leg.accountId, chargeId: charge.id, kind: "meter-event" },
      ...{ identifier: identifierOf(charge), valueCents: charge.amountCents },
    });
  return charge;
}

/** As docs/billing.md and the contract with Stripe have it: `<task>:<leg>:<revision>`. */
export const identifierOf = ({ taskId, leg, revision }: Pick<Charge, "taskId" | "leg" | "revision">) =>
  `${taskId}:${leg}:${revision}`;

async function firstRevision(tx: Tx, leg: LegRef): Promise<Charge> {
  const [first] = await listRevisions(tx, leg);
  if (first === undefined)
    throw new Error(`leg ${leg.leg} of task ${leg.taskId} vanished while it was charged`);
  return first;
}
