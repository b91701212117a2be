import type { Tx } from "../../db/client.ts";
import { chargeLeg, type BillingTerms } from "../billing/charge-leg.ts";
import { sumCharges } from "../billing/charge-store.ts";
import { readBill } from "../billing/read-bill.ts";
import { chargePolicy, whoPays, type LegEnd, type WhoPays } from "../billing/who-pays.ts";
import { claimAlerts, readCaps } from "../usage/cap-store.ts";
import { sayCapAlert } from "./cap-words.ts";
import { showsAmounts } from "./amounts-store.ts";
import { addBudgetNotices } from "./money-store.ts";
import type { Task } from "./task-store.ts";

/** What the payer owes for a task in all its legs, for the receipt. */
export type Bill = { charged: boolean; priceMicroUsd: number; reason: string | null; card: string };

export type LegClose = {
  task: Pick<Task, "id" | "accountId" | "sessionId" | "repositoryId" | "requesterId" | "leg">;
  end: LegEnd;
  /** The attempt was lost or failed by our own fault, whatever its end says. */
  lost: boolean;
  terms: BillingTerms;
  /** The account's plan counts as it is at this moment. */
  now: Date;
  defaultMonthMicroUsd: number;
};

/** Charges the leg that ends, in the same transaction and after its usage, and tells the thread once of each share of a cap. */
export async function closeLeg(tx: Tx, input: LegClose): Promise<Bill> {
  const { task, terms, now } = input;
  const verdict = verdictOf(input);
  const leg = { accountId: task.accountId, taskId: task.id, leg: task.leg };
  const bill = await readBill(tx, { accountId: task.accountId, billing: terms.billing, now });
  const { card, amountCents: ownCents } = await chargeLeg(tx, leg, { verdict, terms, bill });
  const [{ amountCents, sentCents }] = await Promise.all([
    sumCharges(tx, { taskId: task.id }),
    tellOfCaps(tx, input),
  ]);
  const priceMicroUsd = (terms.billing === "on" ? sentCents : amountCents) * 10_000;
  const kept = bill !== "send" && ownCents > 0;
  return { card, priceMicroUsd, ...inWords(verdict, { terms, kept, priceMicroUsd }) };
}

/** A failure has its own class; any other end of a lost attempt is ours. */
function verdictOf({ end, lost }: LegClose): WhoPays {
  return lost && end.kind !== "error" ? chargePolicy["platform-fault"] : whoPays(end);
}

function inWords(
  verdict: WhoPays,
  { terms, kept, priceMicroUsd }: { terms: BillingTerms; kept: boolean; priceMicroUsd: number },
): Pick<Bill, "charged" | "reason"> {
  if (!verdict.charged)
    return { charged: terms.billing === "on" && priceMicroUsd > 0, reason: verdict.sentence };
  if (terms.billing === "off") return { charged: false, reason: "this server bills nobody" };
  if (priceMicroUsd === 0)
    return {
      charged: false,
      reason: kept ? "the account has no running plan" : "it came to less than half a cent",
    };
  return { charged: true, reason: verdict.sentence };
}

async function tellOfCaps(tx: Tx, { task, defaultMonthMicroUsd }: LegClose): Promise<void> {
  const of = { ...task, taskId: task.id };
  const ids = { taskId: task.id, accountId: task.accountId };
  const uses = await readCaps(tx, of, { defaultMonthMicroUsd });
  const alerts = await claimAlerts(tx, { of: ids, uses });
  if (alerts.length === 0) return;
  const amounts = await showsAmounts(tx, task.repositoryId);
  await addBudgetNotices(tx, { ...ids, notices: alerts.map((alert) => sayCapAlert(alert, { amounts })) });
}
