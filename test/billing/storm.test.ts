import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { eq, sql } from "drizzle-orm";
import { pino } from "pino";
import type Stripe from "stripe";
import { afterAll, beforeAll, expect, test } from "vitest";
import { billingOutbox, charge, task } from "../../db/schema.ts";
import { identifierOf } from "../../src/billing/charge-leg.ts";
import { planNames } from "../../src/billing/plan-names.ts";
import { reconcileCharges } from "../../src/billing/reconcile-charges.ts";
import { setUpPlan } from "../../src/billing/set-up-plan.ts";
import { createStripeClient } from "../../src/billing/stripe-client.ts";
import { chargePolicy } from "../../src/billing/who-pays.ts";
import { startStripe, type StripeStandin } from "../standins/stripe/start-stripe.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { untilTrue } from "../support/until-true.ts";
import { createTasks, type Payer } from "./storm-tasks.ts";

const operation = "Billing/MeterEvents.create";
const accounts = 8;
const tasksEach = 30;
/** By chance alone nobody fails so often: a charge that was tried so many times will never be taken. */
const mostAttempts = 60;

let given: TestDatabase;
let standin: StripeStandin;
let stripe: Stripe;

beforeAll(async () => {
  given = await createTestDatabase();
  standin = await startStripe();
  stripe = createStripeClient({ secretKey: standin.apiKey, apiUrl: standin.url });
  await setUpPlan(stripe, { dryRun: false });
});
afterAll(async () => {
  await standin.close();
  await given.close();
});

const system = () => given.database.system;

/** Two in five requests fail, half of them after they had their effect; others are slow, so that a blow meets them under way. */
function letRequestsFail(): void {
  const times = Infinity;
  standin.fault({ operation, when: "before", reset: true, chance: 0.1, times });
  standin.fault({ operation, when: "before", status: 500, chance: 0.06, times });
  standin.fault({ operation, when: "before", status: 503, chance: 0.03, times });
  standin.fault({ operation, when: "before", status: 429, chance: 0.03, times });
  standin.fault({ operation, when: "before", slowMs: 15, chance: 0.5, times });
  standin.fault({ operation, when: "after", reset: true, chance: 0.13, times });
  standin.fault({ operation, when: "after", status: 500, chance: 0.13, times });
  standin.fault({ operation, when: "after", slowMs: 15, chance: 0.5, times });
}

const startWorker = (): ChildProcess =>
  spawn(process.execPath, [join(import.meta.dirname, "storm-worker.ts")], {
    stdio: ["ignore", "ignore", "inherit"],
    env: {
      PATH: process.env.PATH,
      STORM_DATABASE_URL: given.url,
      STORM_STRIPE_URL: standin.url,
      STORM_STRIPE_KEY: standin.apiKey,
    },
  });

async function kill(worker: ChildProcess): Promise<void> {
  expect(worker.exitCode, "a worker of the storm ended by itself").toBeNull();
  worker.kill("SIGKILL");
  await once(worker, "exit");
}

/** Leases and pauses end. */
const passMinute = () =>
  system().execute(sql`update ${billingOutbox} set next_at = now() - interval '1 second',
    lease_until = case when state = 'sending' then now() - interval '1 second' end where state in ('pending', 'sending')`);

async function readOpen() {
  const [row] = await system().execute<{ legs: number; rows: number; attempts: number }>(sql`select
      (select count(*) from ${task} t where not exists (select 1 from ${charge} c where c.task_id = t.id))::int as legs,
      (select count(*) from ${billingOutbox} where state in ('pending', 'sending'))::int as rows,
      (select coalesce(max(attempts), 0) from ${billingOutbox})::int as attempts`);
  if (row === undefined) throw new Error("expected one row of counts");
  return row;
}

/** Runs workers and kills them all in the middle of their work, again and again until nothing is left to do. */
async function rage(): Promise<number> {
  for (let blows = 0; ; blows++) {
    const workers = [startWorker(), startWorker()];
    const until = standin.requests.length + 5 + Math.floor(Math.random() * 25);
    let open = await readOpen();
    await untilTrue(async () => {
      open = await readOpen();
      expect(open.attempts).toBeLessThan(mostAttempts);
      // Those who wait for their next try need not wait here.
      await system().execute(
        sql`update ${billingOutbox} set next_at = now() where state = 'pending' and next_at > now()`,
      );
      return open.legs + open.rows === 0 || standin.requests.length >= until;
    }, 60_000);
    await Promise.all(workers.map(kill));
    if (open.legs + open.rows === 0) return blows;
    await passMinute();
  }
}

async function sumLedger({ accountId }: Payer): Promise<number> {
  const [row] = await system()
    .select({ cents: sql<number>`coalesce(sum(${charge.amountCents}), 0)`.mapWith(Number) })
    .from(charge)
    .where(eq(charge.accountId, accountId));
  return row?.cents ?? 0;
}

test("240 legs, two in five requests faulty, workers killed again and again: each charge once, our faults nothing", async () => {
  const payers = await createTasks(given.database, { stripe, accounts, tasksEach });
  letRequestsFail();
  const blows = await rage();
  standin.clearFaults();
  expect(blows).toBeGreaterThan(10);

  const charges = await system().select().from(charge);
  expect(charges).toHaveLength(accounts * tasksEach);
  const free = charges.filter(({ amountCents }) => amountCents === 0);
  expect(new Set(free.map(({ reason }) => reason))).toEqual(new Set(["platform-fault", "provider-fault"]));
  const billable = charges.filter(({ reason }) => chargePolicy[reason as keyof typeof chargePolicy].charged);
  expect(billable.length + free.length).toBe(charges.length);

  const counted = standin.control.meterEvents().map(({ identifier, payload }) => ({
    identifier,
    cents: Number(payload["value"]),
  }));
  const byName = (a: { identifier: string }, b: { identifier: string }) =>
    a.identifier.localeCompare(b.identifier);
  expect(counted.toSorted(byName)).toEqual(
    billable.map((one) => ({ identifier: identifierOf(one), cents: one.amountCents })).toSorted(byName),
  );
  for (const payer of payers)
    expect(standin.control.meterSum(payer.customerId, planNames.eventName)).toBe(await sumLedger(payer));

  const rows = await system().select().from(billingOutbox);
  expect(new Set(rows.map(({ state }) => state))).toEqual(new Set(["delivered"]));
  expect(rows.filter(({ deliveredVia }) => deliveredVia === "duplicate").length).toBeGreaterThan(0);
  expect(await reconcile()).toEqual({ accounts, arrived: [], sentAgain: [], open: [], drifts: [] });
  expect(standin.violations).toEqual([]);
}, 400_000);

const reconcile = () =>
  reconcileCharges({
    ...{ system: system(), log: pino({ level: "silent" }), stripe },
    clock: { now: () => new Date(Date.now() + 7_200_000) },
  });
