import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { eq } from "drizzle-orm";
import type Stripe from "stripe";
import { withAccount, type Db } from "../../db/client.ts";
import { billingAccount, stripeEvent } from "../../db/schema.ts";
import { planNames } from "../../src/billing/plan-names.ts";
import { openPayerPage } from "../../src/billing/open-payer-page.ts";
import { processStripeEvents } from "../../src/billing/process-events.ts";
import { readEntitlement } from "../../src/billing/read-entitlement.ts";
import { createStripeClient } from "../../src/billing/stripe-client.ts";
import { systemClock } from "../../src/clock.ts";
import { openQueue, type Queue } from "../../src/queue/queue.ts";
import { createStripeInbox } from "../../src/webhooks/stripe-inbox.ts";
import { seedAccount, type SeededAccount } from "./seed-account.ts";
import { silent } from "../queue/start-worker.ts";
import { createTestDatabase } from "../support/database.ts";
import { startStripe } from "../standins/stripe/start-stripe.ts";

export const secret = "whsec_test";
export const rotated = "whsec_before";
const { lookupKeys, eventName } = planNames;

/** A database, a Stripe with the plan in its catalogue, and the door for Stripe's webhooks on a socket. */
export async function openPayers() {
  const home = await createTestDatabase();
  const { db, system } = home.database;
  const standin = await startStripe();
  const stripe = createStripeClient({ secretKey: standin.apiKey, apiUrl: standin.url });
  await openShop(stripe);
  const queue = await openQueue({ url: home.url, log: silent, mode: "send" });
  const state = { refreshed: [] as string[] };
  const door = await openDoor({ system, queue });
  const { url } = door;
  const deps = { db, system, stripe, log: silent, clock: { now: () => standin.control.now() } };
  const pageDeps = { ...deps, lookupKeys, portalConfiguration: null };

  return {
    ...{ home, system, queue, standin, stripe, url, deps, state },
    /** Stripe's webhooks come here from now on. */
    listen(kind: "snapshot" | "thin" = "snapshot") {
      const id = `we_${kind}`;
      standin.webhooks.endpoints.set(id, { id, url, secret, kind, events: ["*"], enabled: true });
    },
    newAccount: (): Promise<SeededAccount> => seedAccount(system),
    /** An owner clicks; answers the address that the browser is sent to. */
    click: (account: SeededAccount, by = "mona") =>
      openPayerPage(pageDeps, {
        ...{ account: { ...account, installed: true }, by: { id: 7, login: by } },
        returnUrl: "https://bot.example/billing/acme?back",
      }),
    process: () =>
      processStripeEvents({
        ...deps,
        onRefreshed: (accountId) => {
          state.refreshed.push(accountId);
          return Promise.resolve();
        },
      }),
    async payer(account: SeededAccount) {
      const [row] = await system
        .select()
        .from(billingAccount)
        .where(eq(billingAccount.accountId, account.id));
      return row ?? null;
    },
    events: () => system.select().from(stripeEvent),
    entitlement: (account: SeededAccount) =>
      withAccount(db, account.id, (tx) =>
        readEntitlement(tx, {
          ...{ accountId: account.id, publicUrl: "https://bot.example", billing: "on" },
          now: standin.control.now(),
        }),
      ),
    async close() {
      await standin.webhooks.settled();
      door.close();
      await queue.stop();
      await standin.close();
      await home.close();
    },
  };
}

/** The door for Stripe's webhooks on a socket. */
export async function openDoor(input: {
  system: Db;
  queue: Pick<Queue, "enqueue">;
}): Promise<{ url: string; close(): void }> {
  const inbox = createStripeInbox({
    ...{ ...input, secrets: [secret, rotated], livemode: false, clock: systemClock, log: silent },
    databaseDeadlineMs: 1_000,
  });
  const server = createServer((request, response) => void inbox(request, response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** The plan in Stripe's catalogue. */
export async function openShop(stripe: Stripe): Promise<void> {
  const meter = await stripe.billing.meters.create({
    ...{ display_name: "Usage", event_name: eventName },
    default_aggregation: { formula: "sum" },
  });
  const product = await stripe.products.create({ name: "Remote Claude" });
  const monthly = { product: product.id, currency: "usd" };
  await stripe.prices.create({
    ...{ ...monthly, unit_amount: 2_000, lookup_key: lookupKeys.base },
    recurring: { interval: "month" },
  });
  await stripe.prices.create({
    ...{ ...monthly, billing_scheme: "tiered", tiers_mode: "graduated", lookup_key: lookupKeys.usage },
    recurring: { interval: "month", usage_type: "metered", meter: meter.id },
    tiers: [
      { up_to: 2_000, unit_amount: 0 },
      { up_to: "inf", unit_amount: 1 },
    ],
  });
  await stripe.billingPortal.configurations.create({ features: { invoice_history: { enabled: true } } });
}
