import { setTimeout as pause } from "node:timers/promises";
import { and, eq, notExists, sql } from "drizzle-orm";
import { pino } from "pino";
import { z } from "zod";
import { openDatabase, withAccount } from "../../db/client.ts";
import { charge, task } from "../../db/schema.ts";
import { chargeLeg } from "../../src/billing/charge-leg.ts";
import { createStripePlans } from "../../src/billing/stripe-plans.ts";
import { chargePolicy } from "../../src/billing/who-pays.ts";
import { systemClock } from "../../src/clock.ts";

/** What a worker does about money, until it is killed: it ends legs, and tells Stripe of what is owed for them. */

const env = z
  .object({ STORM_DATABASE_URL: z.url(), STORM_STRIPE_URL: z.url(), STORM_STRIPE_KEY: z.string() })
  .parse(process.env);
const reason = z.enum(["done", "cap-reached", "platform-fault", "provider-fault"]);
const legsARound = 5;

const { db, system } = openDatabase({ url: env.STORM_DATABASE_URL });
const plans = createStripePlans(
  {
    ...{ secretKey: env.STORM_STRIPE_KEY, apiUrl: env.STORM_STRIPE_URL },
    ...{ webhookSecrets: ["whsec_storm"], livemode: false },
  },
  { db, system, clock: systemClock, log: pino({ level: "silent" }) },
);
const { signal } = new AbortController();
for (;;) {
  for (const leg of await takeOpenLegs()) {
    const verdict = chargePolicy[reason.parse(leg.reason)];
    await withAccount(db, leg.accountId, (tx) =>
      chargeLeg(tx, leg, { verdict, bill: "send", terms: { billing: "on", ownModelKey: false } }),
    );
  }
  await plans.sendCharges(signal);
  await pause(20);
}

/** In any order, so that two workers meet at one leg now and then. */
function takeOpenLegs() {
  const charged = system
    .select({ one: sql`1` })
    .from(charge)
    .where(eq(charge.taskId, task.id));
  return system
    .select({ accountId: task.accountId, taskId: task.id, leg: task.leg, reason: task.instruction })
    .from(task)
    .where(and(eq(task.status, "running"), notExists(charged)))
    .orderBy(sql`random()`)
    .limit(legsARound);
}
