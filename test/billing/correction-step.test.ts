import { expect, test } from "vitest";
import { chooseCorrection, type SentCharge } from "../../src/billing/correction-step.ts";

const now = new Date("2026-11-23T12:00:00Z");
const hoursAgo = (hours: number) => new Date(now.getTime() - hours * 3_600_000);
const sent = (more: Partial<SentCharge>): SentCharge => ({
  ...{ state: "delivered", attempts: 1, deliveredAt: hoursAgo(30), invoiced: false, periodCents: 500 },
  ...more,
});

test.each<[string, Partial<SentCharge>, number, object]>([
  ["never sent", { state: "pending", attempts: 0 }, -10, { kind: "supersede" }],
  ["refused at its first attempt", { state: "dead" }, -10, { kind: "supersede" }],
  [
    "tried, and nobody knows",
    { state: "pending", attempts: 1 },
    -10,
    { kind: "by-hand", why: "outcome-unknown" },
  ],
  ["under way", { state: "sending" }, -10, { kind: "by-hand", why: "outcome-unknown" }],
  ["unknown", { state: "reconcile" }, -10, { kind: "by-hand", why: "outcome-unknown" }],
  ["less within a day", { deliveredAt: hoursAgo(22.9) }, -10, { kind: "cancel-and-send" }],
  ["less later", { deliveredAt: hoursAgo(23) }, -10, { kind: "send-difference" }],
  ["less than nothing in the period", { periodCents: 9 }, -10, { kind: "by-hand", why: "below-nothing" }],
  ["just nothing in the period", { periodCents: 10 }, -10, { kind: "send-difference" }],
  ["more", { deliveredAt: hoursAgo(1) }, 10, { kind: "send-difference" }],
  ["less, and invoiced", { invoiced: true, deliveredAt: hoursAgo(1) }, -10, { kind: "credit-note" }],
  ["more, and invoiced: the next invoice has it", { invoiced: true }, 10, { kind: "send-difference" }],
  ["charged at nothing", { state: "none" }, 10, { kind: "send-difference" }],
  ["more of what is kept in the ledger", { state: "kept" }, 10, { kind: "ledger-only" }],
  ["less of what is kept in the ledger", { state: "kept" }, -10, { kind: "ledger-only" }],
  ["less of what was never sent", { state: "none" }, -10, { kind: "ledger-only" }],
  ["more after it was taken out", { state: "superseded" }, 10, { kind: "send-difference" }],
])("%s", (_name, given, differenceCents, expected) => {
  expect(chooseCorrection(sent(given), { differenceCents, now, billing: "on" })).toEqual(expected);
});

test("with billing off only the ledger is put right", () => {
  for (const differenceCents of [-10, 10])
    expect(chooseCorrection(sent({ state: "none" }), { differenceCents, now, billing: "off" })).toEqual({
      kind: "ledger-only",
    });
});
