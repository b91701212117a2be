import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { eq } from "drizzle-orm";
import { withAccount, type Db } from "../../db/client.ts";
import { billingAccount, stripeEvent } from "../../db/schema.ts";
import { planNames } from "../../src/billing/plan-names.ts";
import { openPayerPage } from "../../src/billing/open-payer-page.ts";
import { processStripeEvents } from "../../src/billing/process-events.ts";
import { readEntitlement } from "../../src/billing/read-entitlement.ts";
import { setUpPlan } from "../../src/billing/set-up-plan.ts";
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
const { lookupKeys } = planNames;

/** A database, a Stripe with the plan in its catalogue, and the door for Stripe's webhooks on a socket. */
export async function openPayers() {
  const home = await createTestDatabase();
  const { db, system } = home.database;
  const standin = await startStripe();
  const stripe = createStripeClient({ secretKey: standin.apiKey, apiUrl: standin.url });
  await setUpPlan(stripe, { dryRun: false });
  const queue = await openQueue({ url: home.url, log: silent, mode: "send" });
  const state = { refreshed: [] as string[] };
  const door = await openDoor({ system, queue });
  const { url } = door;
  const deps = { db, system, stripe, log: silent, clock: { now: () => standin.control.now() } };
  const pageDeps = { ...deps, lookupKeys, portalConfiguration: () => Promise.resolve(null) };

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
