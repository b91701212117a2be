import { expect, test } from "vitest";
import { choosePlan } from "../../src/billing/read-payer.ts";
import { readHint, type Hint } from "../../src/billing/read-hint.ts";

const hintOf = (type: string, object: object): Hint =>
  readHint({ id: "evt_1", type, payload: Buffer.from(JSON.stringify({ data: { object } })) });
const customer = { kind: "customer", customerId: "cus_1" } as const;

test.each<[string, object]>([
  ["customer.subscription.updated", { id: "sub_1", customer: "cus_1" }],
  ["customer.subscription.trial_will_end", { id: "sub_1", customer: { id: "cus_1" } }],
  ["invoice.payment_failed", { id: "in_1", customer: "cus_1" }],
  ["checkout.session.completed", { id: "cs_1", customer: "cus_1" }],
  ["checkout.session.expired", { id: "cs_1", customer: "cus_1" }],
  ["customer.deleted", { id: "cus_1", object: "customer" }],
  ["charge.refunded", { id: "ch_1", customer: "cus_1" }],
  ["credit_note.created", { id: "cn_1", customer: "cus_1" }],
  ["entitlements.active_entitlement_summary.updated", { customer: "cus_1" }],
])("%s is about a customer", (type, object) => {
  expect(hintOf(type, object)).toEqual(customer);
});

test("a dispute has to be asked whose it is, and a thin event what it tells", () => {
  expect(hintOf("charge.dispute.created", { id: "dp_1" })).toEqual({ kind: "dispute", disputeId: "dp_1" });
  expect(hintOf("charge.dispute.closed", { id: "du_1" })).toEqual({ kind: "dispute", disputeId: "du_1" });
  for (const type of ["v1.billing.meter.error_report_triggered", "v1.billing.meter.no_meter_found"])
    expect(readHint({ id: "evt_1", type, payload: Buffer.from("{}") })).toEqual({
      ...{ kind: "meter-errors", eventId: "evt_1" },
    });
});

test.each<[string, object]>([
  ["radar.early_fraud_warning.created", { id: "issfr_1", customer: "cus_1" }],
  ["account.updated", { id: "acct_1" }],
  ["v2.core.event_destination.ping", {}],
  ["constructor", { customer: "cus_1" }],
  ["invoice.paid", { id: "in_1", customer: null }],
  ["invoice.paid", { id: "in_1", customer: "acct_1" }],
  ["invoice.paid", { id: "in_1" }],
  ["customer.updated", { id: "sub_1", object: "customer" }],
  ["charge.dispute.created", { id: "in_1" }],
  ["charge.dispute.created", {}],
])("%s %j is nothing for us", (type, object) => {
  expect(hintOf(type, object).kind).toBe("nothing");
});

test("a body without an object is nothing for us", () => {
  for (const body of ["{}", "[]", "null", '{"data":{"object":"in_1"}}'])
    expect(readHint({ id: "evt_1", type: "invoice.paid", payload: Buffer.from(body) }).kind).toBe("nothing");
});

const plan = (id: string, status: string, created: number) => ({ id, status: status as "active", created });

test.each<[string, ReturnType<typeof plan>[], string | null, string[]]>([
  ["nothing", [], null, []],
  ["the only one, whatever became of it", [plan("a", "canceled", 1)], "a", []],
  ["the last of those that ended", [plan("b", "canceled", 2), plan("a", "incomplete_expired", 1)], "b", []],
  [
    "the one that lives",
    [plan("a", "canceled", 1), plan("b", "active", 2), plan("c", "incomplete", 3)],
    "b",
    [],
  ],
  ["one of an unknown status", [plan("a", "canceled", 3), plan("b", "hibernating", 1)], "b", []],
  ["the newest first payment", [plan("a", "incomplete", 1), plan("b", "incomplete", 2)], "b", []],
  ["the oldest of two", [plan("b", "active", 2), plan("a", "past_due", 1)], "a", ["b"]],
  [
    "one of two of the same second, the same each time",
    [plan("b", "active", 1), plan("a", "active", 1)],
    "a",
    ["b"],
  ],
])("the plan that counts: %s", (_name, plans, id, surplus) => {
  const chosen = choosePlan(plans);
  expect([chosen.plan?.id ?? null, chosen.surplus]).toEqual([id, surplus]);
  expect(choosePlan(plans.toReversed())).toEqual(chosen);
});
