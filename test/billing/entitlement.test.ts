import { expect, test } from "vitest";
import { entitle, type Standing, type Subscription } from "../../src/billing/entitlement.ts";
import { renderNotice } from "../../src/billing/render-notice.ts";

const now = new Date("2026-11-23T12:00:00Z");
const daysAgo = (days: number) => new Date(now.getTime() - days * 86_400_000);

const subscribed = (status: string, more: Partial<Subscription> = {}): Subscription => ({
  ...{ status, collectionPaused: false, endsAt: null, trialEndsAt: null, pastDueSince: null, readAt: now },
  ...more,
});

const standing = (subscription: Subscription | null, more: Partial<Standing> = {}): Standing => ({
  ...{
    billing: "on",
    installation: "live",
    subscription,
    checkoutBy: null,
    disputed: false,
    exposureCents: 0,
  },
  ...more,
});

/** Every row of the matrix: docs/billing.md shows what it says. */
const matrix: readonly [name: string, Standing][] = [
  ["billing-off", standing(null, { billing: "off" })],
  ["no-plan", standing(null)],
  ["checkout-open", standing(null, { checkoutBy: "mona" })],
  ["incomplete", standing(subscribed("incomplete"))],
  ["incomplete-expired", standing(subscribed("incomplete_expired"))],
  ["incomplete-expired-checkout-open", standing(subscribed("incomplete_expired"), { checkoutBy: "mona" })],
  ["trialing", standing(subscribed("trialing", { trialEndsAt: daysAgo(-5) }))],
  [
    "trialing-used-up",
    standing(subscribed("trialing", { trialEndsAt: daysAgo(-5) }), { exposureCents: 2_000 }),
  ],
  ["active", standing(subscribed("active"))],
  ["active-ends-later", standing(subscribed("active", { endsAt: daysAgo(-8) }))],
  ["active-ends-soon", standing(subscribed("active", { endsAt: daysAgo(-7) }))],
  ["active-ended", standing(subscribed("active", { endsAt: daysAgo(0) }))],
  ["past-due-in-grace", standing(subscribed("past_due", { pastDueSince: daysAgo(7) }))],
  [
    "past-due-in-grace-exposed",
    standing(subscribed("past_due", { pastDueSince: daysAgo(1) }), { exposureCents: 2_500 }),
  ],
  ["past-due-too-long", standing(subscribed("past_due", { pastDueSince: daysAgo(7.01) }))],
  ["past-due-since-when", standing(subscribed("past_due"))],
  ["unpaid", standing(subscribed("unpaid", { pastDueSince: daysAgo(30) }))],
  ["paused", standing(subscribed("paused"))],
  ["collection-paused", standing(subscribed("active", { collectionPaused: true }))],
  ["canceled", standing(subscribed("canceled"))],
  ["unknown-status", standing(subscribed("hibernating"))],
  ["disputed", standing(subscribed("active"), { disputed: true })],
  ["stripe-away-active", standing(subscribed("active", { readAt: daysAgo(1.01) }))],
  [
    "stripe-away-exposed",
    standing(subscribed("active", { readAt: daysAgo(1.01) }), { exposureCents: 2_500 }),
  ],
  [
    "stripe-away-past-due-too-long",
    standing(subscribed("past_due", { pastDueSince: daysAgo(9), readAt: daysAgo(2) })),
  ],
  ["suspended", standing(subscribed("active"), { installation: "suspended" })],
  ["removed", standing(subscribed("active"), { installation: "removed" })],
];

test("what each standing allows, and what the thread is told", async () => {
  const rows = matrix.map(([name, given]) => describeRow(name, given));
  const head =
    "| Standing | New work | Running | Usage | Operator | The thread is told |\n|---|---|---|---|---|---|";
  await expect(`${head}\n${rows.join("\n")}\n`).toMatchFileSnapshot("../golden/entitlement.md");
});

test.each([...Array(200).keys()].map((n) => `status-${n}`))(
  "a status of which nobody has heard lets nothing begin: %s",
  (status) =>
    expect(entitle(standing(subscribed(status)), now)).toMatchObject({ newWork: { ok: false }, alarm: true }),
);

test.each(["constructor", "__proto__", "", "ACTIVE", "active "])("nor does %j", (status) => {
  expect(entitle(standing(subscribed(status)), now).newWork.ok).toBe(false);
});

test("a dispute, a stale reading and an unpaid sum only ever take away", () => {
  for (const [, given] of matrix) {
    const before = entitle(given, now).newWork;
    for (const worse of [
      { ...given, disputed: true },
      { ...given, exposureCents: 1_000_000 },
      ...(given.subscription === null
        ? []
        : [{ ...given, subscription: { ...given.subscription, readAt: daysAgo(3) } }]),
    ]) {
      const after = entitle(worse, now).newWork;
      if (!before.ok) expect(after.ok).toBe(false);
      if (before.ok && after.ok)
        expect(after.capCents ?? Infinity).toBeLessThanOrEqual(before.capCents ?? Infinity);
    }
  }
});

test("no notice names an amount or an address of Stripe's, and each links to the account's page only", () => {
  for (const [, given] of matrix) {
    const said = sayOf(given);
    expect(said).not.toMatch(/stripe|\$|€|cents/i);
    for (const url of said.matchAll(/https?:[^)\s]+/g))
      expect(url[0]).toBe("https://bot.example/billing/acme");
  }
});

function describeRow(name: string, given: Standing): string {
  const told = entitle(given, now);
  const begins = told.newWork.ok
    ? told.newWork.capCents === null
      ? "yes"
      : `yes, while less than ${told.newWork.capCents} cents are unpaid`
    : "no";
  return `| ${name} | ${begins} | ${told.running} | ${told.bill} | ${told.alarm ? "alarm" : ""} | ${sayOf(given)} |`;
}

function sayOf(given: Standing): string {
  const { notice, day } = entitle(given, now);
  if (notice === null) return "";
  const page = given.billing === "on" ? "https://bot.example/billing/acme" : null;
  return renderNotice({ notice, day, login: "acme", page, checkoutBy: given.checkoutBy });
}
