import { randomUUID } from "node:crypto";
import { withAccount, type Tx } from "../../db/client.ts";
import { billingAccount, billingOutbox, charge, usage } from "../../db/schema.ts";
import { chargeLeg, type BillingTerms } from "../../src/billing/charge-leg.ts";
import type { Entitlement } from "../../src/billing/entitlement.ts";
import { chargePolicy, type ChargeReason } from "../../src/billing/who-pays.ts";
import { eq } from "drizzle-orm";
import { changeTask, createTurn } from "../gateway/fixture.ts";
import type { TestDatabase } from "../support/database.ts";

export type Leg = Awaited<ReturnType<typeof createTurn>> & { leg: number };

type LegEnding = { reason: ChargeReason; terms: BillingTerms; bill: Entitlement["bill"] };

export const on: BillingTerms = { billing: "on", ownModelKey: false };
export const off: BillingTerms = { billing: "off", ownModelKey: false };

/** A leg whose attempt has a row in the ledger for each cost; minus: of a lost attempt. */
export async function createLeg(
  { database }: TestDatabase,
  costs: readonly number[],
  more: Partial<typeof usage.$inferInsert> = {},
): Promise<Leg> {
  const turn = await createTurn(database);
  await database.system
    .insert(billingAccount)
    .values({ accountId: turn.accountId, stripeCustomerId: `cus_${turn.accountId}` });
  await addUsage({ database }, turn, costs, more);
  return { ...turn, leg: 1 };
}

export async function addUsage(
  { database }: Pick<TestDatabase, "database">,
  { accountId, taskId, sessionId }: Awaited<ReturnType<typeof createTurn>>,
  costs: readonly number[],
  more: Partial<typeof usage.$inferInsert> = {},
): Promise<void> {
  await database.system.insert(usage).values(
    costs.map((cost) => ({
      ...{
        id: randomUUID(),
        accountId,
        taskId,
        sessionId,
        attempt: 1,
        modelCallId: randomUUID(),
        model: "m",
      },
      ...{
        inputTokens: 1,
        outputTokens: 1,
        cacheReadTokens: 0,
        cacheWrite5mTokens: 0,
        cacheWrite1hTokens: 0,
      },
      ...{ costMicroUsd: Math.abs(cost), priceMicroUsd: Math.max(cost, 0) },
      fault: cost < 0 ? ("platform" as const) : ("none" as const),
      ...more,
    })),
  );
}

export async function endLeg(
  { database }: TestDatabase,
  leg: Leg,
  { reason = "done", terms = on, bill = "send" }: Partial<LegEnding> = {},
) {
  return inAccount({ database }, leg, (tx) =>
    chargeLeg(tx, leg, { verdict: chargePolicy[reason], terms, bill }),
  );
}

/** The next leg of the task, under its next claim. */
export async function nextLeg({ database }: TestDatabase, leg: Leg): Promise<Leg> {
  await changeTask(database, leg.taskId, { fence: leg.leg + 1, leg: leg.leg + 1 });
  return { ...leg, leg: leg.leg + 1, fence: leg.fence + 1 };
}

export const inAccount = <T>(
  { database }: Pick<TestDatabase, "database">,
  { accountId }: Pick<Leg, "accountId">,
  run: (tx: Tx) => Promise<T>,
): Promise<T> => withAccount(database.db, accountId, run);

export const listCharges = ({ database }: TestDatabase, { taskId }: Pick<Leg, "taskId">) =>
  database.system.select().from(charge).where(eq(charge.taskId, taskId)).orderBy(charge.leg, charge.revision);

export const listOutbox = ({ database }: TestDatabase, { accountId }: Pick<Leg, "accountId">) =>
  database.system
    .select()
    .from(billingOutbox)
    .where(eq(billingOutbox.accountId, accountId))
    .orderBy(billingOutbox.id);
