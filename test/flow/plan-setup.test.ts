import { eq, inArray } from "drizzle-orm";
import { expect, onTestFinished, test } from "vitest";
import { billingAccount, charge, delivery, ignoredTrigger } from "../../db/schema.ts";
import { planNames } from "../../src/billing/plan-names.ts";
import { setUpPlan } from "../../src/billing/set-up-plan.ts";
import { createStripeClient } from "../../src/billing/stripe-client.ts";
import { writeFiles } from "../standins/model/scenarios.ts";
import { startStripe, type StripeStandin } from "../standins/stripe/start-stripe.ts";
import { findFreePort } from "../support/free-port.ts";
import { needBwrap } from "../support/need-bwrap.ts";
import { openWorld, type World } from "../support/world.ts";
import { openBrowser, type BrowserPage } from "../web/setup-browser.ts";
import { seeThread } from "./see-thread.ts";

/** Whoever has no plan is told once, an owner sets one up, the command begins, and the App goes again. */

const secret = "whsec_flow";

async function openBilledWorld(): Promise<{ world: World; stripe: StripeStandin; home: string }> {
  const stripe = await startStripe();
  await setUpPlan(createStripeClient({ secretKey: stripe.apiKey, apiUrl: stripe.url }), { dryRun: false });
  const port = await findFreePort();
  const home = `http://127.0.0.1:${port}`;
  const world = await openWorld({
    scenario: writeFiles({ "widgets.txt": "they turn\n" }),
    env: {
      ...{ PORT: String(port), PUBLIC_URL: home },
      ...{ STRIPE_SECRET_KEY: stripe.apiKey, STRIPE_API_BASE: stripe.url, STRIPE_WEBHOOK_SECRET: secret },
    },
  });
  onTestFinished(async () => {
    await world.close();
    await stripe.webhooks.settled();
    const { violations } = stripe;
    await stripe.close();
    expect(violations).toEqual([]);
  });
  world.github.createUser("olga");
  world.github.setMembership("acme", "olga", "owner");
  world.github.setMembership("acme", "alice", "member");
  world.github.setCallbackUrls(world.app, [`${home}/billing/-/signed-in`]);
  stripe.webhooks.endpoints.set("we_1", {
    ...{ id: "we_1", url: `${home}/stripe/webhook`, secret, kind: "snapshot", events: ["*"], enabled: true },
  });
  await world.startWorker();
  return { world, stripe, home };
}

async function open(world: World, login: string, page: string): Promise<BrowserPage> {
  const browser = openBrowser({ stopAt: /stripe\.com/ });
  browser.setCookie(world.github.url, "user_session", world.github.as(login).token);
  return browser.submit(await browser.get(page));
}

/** Commands that were refused and whose deliveries are handled to their end. */
async function countRefused(world: World): Promise<number> {
  const { system } = world.database.database;
  const handled = system.select({ id: delivery.id }).from(delivery).where(eq(delivery.status, "done"));
  return system.$count(ignoredTrigger, inArray(ignoredTrigger.deliveryId, handled));
}

test("from a command without a plan to its draft pull request, and to the plan's end with the App", async (context) => {
  await needBwrap(context);
  const { world, stripe, home } = await openBilledWorld();
  const payer = async () => (await world.database.database.system.select().from(billingAccount))[0];
  const { issueNumber, commentId } = await world.ask("/claude fix the widgets");
  const notice = await world.until("the notice", async () => (await seeThread(world, issueNumber)).said[0]);
  expect(notice).toContain("has no plan yet, so nothing was started");
  expect(notice).not.toMatch(/stripe|\$/i);
  const page = /\((http[^)]+)\)/.exec(notice)?.[1] ?? "";
  expect(page).toBe(`${home}/billing/acme`);

  const again = await world.github.as("alice").comment(world.repository, issueNumber, "/claude fix them all");
  await world.until("the second command is declined", async () =>
    (await seeThread(world, issueNumber, again.id)).reactions.includes("confused"),
  );
  expect((await seeThread(world, issueNumber)).said).toHaveLength(1);
  expect(await world.tasks()).toEqual([]);
  await world.until("both commands are put aside", async () => (await countRefused(world)) === 2);

  expect((await open(world, "alice", page)).status).toBe(403);
  expect((await open(world, "bob", page)).status).toBe(403);
  expect((await open(world, "olga", page)).url).toMatch(/^https:\/\/checkout\.stripe\.com\//);
  stripe.control.completeCheckout((await payer())?.checkoutId ?? "");

  // The newest command of the thread begins by itself.
  const task = await world.untilReported(issueNumber);
  expect(task).toMatchObject({ status: "completed", instruction: "fix them all" });
  const { pulls, said } = await seeThread(world, issueNumber, commentId);
  expect(pulls).toMatchObject([{ draft: true }]);
  expect(said.filter((text) => text.includes("no plan"))).toHaveLength(1);
  expect(await world.tasks()).toHaveLength(1);
  expect((await open(world, "olga", page)).url).toMatch(/^https:\/\/billing\.stripe\.com\//);

  const before = await payer();
  // The receipt, the meter event and the line of the invoice are one figure.
  const owed = await world.database.database.system.select().from(charge);
  expect(owed.map(({ amountCents }) => amountCents > 0)).toEqual([true]);
  const counted = await world.until("the charge is sent", () =>
    Promise.resolve(stripe.control.meterSum(before?.stripeCustomerId ?? "", planNames.eventName) || null),
  );
  expect(counted).toBe(owed[0]?.amountCents);
  expect(task.receipt).toMatchObject({ priceMicroUsd: counted * 10_000 });

  world.github.uninstall(world.installation);
  await world.until("the plan ends with its period", async () => (await payer())?.endsAt ?? null);
  expect(stripe.control.object(before?.subscriptionId ?? "")).toMatchObject({
    ...{ status: "active", cancel_at_period_end: true },
  });
  expect((await payer())?.stripeCustomerId).toBe(before?.stripeCustomerId);
}, 60_000);
