import { z } from "zod";

/** Which object an event is about. What the body says of it is not believed: it may be old by now. */
export type Hint =
  | { kind: "customer"; customerId: string }
  | { kind: "dispute"; disputeId: string }
  /** Of meter events that were taken and cannot be counted. */
  | { kind: "meter-errors"; eventId: string }
  | { kind: "nothing"; why: string };

const customerId = z.string().regex(/^cus_/);
const named = z
  .union([customerId, z.object({ id: customerId })])
  .transform((one) => (typeof one === "string" ? one : one.id));
const snapshot = z.object({ data: z.object({ object: z.looseObject({ id: z.string().optional() }) }) });

const meterErrors: ReadonlySet<string> = new Set([
  "v1.billing.meter.error_report_triggered",
  "v1.billing.meter.no_meter_found",
]);

/** The families of events by which an account's standing may have changed. */
const heard =
  /^(?:checkout\.session|customer\.subscription|customer|invoice|credit_note|entitlements\.[a-z_]+)\.[a-z_]+$/;

/** Reads a stored event. An unknown type is nothing for us, and no failure. */
export function readHint(event: { id: string; type: string; payload: Buffer }): Hint {
  const { id, type } = event;
  if (meterErrors.has(type)) return { kind: "meter-errors", eventId: id };
  const isDispute = /^charge\.dispute\.[a-z_]+$/.test(type);
  if (!isDispute && type !== "charge.refunded" && !heard.test(type))
    return { kind: "nothing", why: "a type that is nothing for us" };
  const parsed = snapshot.safeParse(JSON.parse(event.payload.toString("utf8")));
  if (!parsed.success) return { kind: "nothing", why: "it names no object" };
  const { object } = parsed.data.data;
  if (isDispute) {
    return object.id?.startsWith("dp_") === true || object.id?.startsWith("du_") === true
      ? { kind: "dispute", disputeId: object.id }
      : { kind: "nothing", why: "it names no dispute" };
  }
  const customer = named.safeParse(object["object"] === "customer" ? object.id : object["customer"]);
  return customer.success
    ? { kind: "customer", customerId: customer.data }
    : { kind: "nothing", why: "it names no customer" };
}
