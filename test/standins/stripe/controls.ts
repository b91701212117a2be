import { completeSession } from "./checkout-life.ts";
import { closeDispute, openDispute } from "./disputes.ts";
import { difference, emit } from "./emit.ts";
import type { Gate } from "./gates.ts";
import { number, text } from "./json.ts";
import type { JsonObject } from "./json.ts";
import { aggregate } from "./meter-sum.ts";
import { passTime } from "./pass-time.ts";
import { periodOf } from "./make-subscription.ts";
import { all, get } from "./world.ts";
import type { Card, MeterRecord, World } from "./world.ts";

/** What a customer, a bank or time would do; the API has no call for it. */
export type StripeControls = {
  now(): Date;
  /** Lets time pass; periods end, invoices finalize and sessions expire on the way, each at its own time. */
  pass(ms: number): void;
  passTo(date: Date): void;
  /** To the end of the running period and past the grace in which its invoice is a draft; answers that invoice. */
  passToInvoice(subscriptionId: string): JsonObject;
  /** The customer pays on Checkout's page; answers the subscription. */
  completeCheckout(sessionId: string): JsonObject;
  setCard(customerId: string, card: Card): void;
  /** What happens by dunning, by an operator or by time; the API cannot do it on demand. Any word will do. */
  setStatus(subscriptionId: string, status: string): void;
  /** A customer's bank takes a payment into question; answers the dispute. */
  openDispute(customerId: string): JsonObject;
  /** With any of Stripe's words for how it ended. */
  closeDispute(disputeId: string, status: string): void;
  /** Any other event, with an object that a test makes up. */
  emit(type: string, object: JsonObject): JsonObject;
  /** How long meter events take to show in summaries. */
  setMeterLag(ms: number): void;
  setInvoiceGrace(ms: number): void;
  /** Stops the next request of an operation in its middle. */
  stopNext(operation: string): Gate;
  /** The object as Stripe has it now. */
  object(id: string): JsonObject;
  objects(kind: string): JsonObject[];
  /** Everything counted for a customer under an event name, whatever the summaries show yet. */
  meterSum(customerId: string, eventName: string): number;
  meterEvents(): readonly MeterRecord[];
};

/** Opens the controls of a stand-in. */
export function openControls(world: World): StripeControls {
  return {
    now: () => new Date(world.clock.nowMs()),
    pass: (ms) => passTime(world, ms),
    passTo: (date) => passTime(world, date.getTime() - world.clock.nowMs()),
    passToInvoice: (id) => {
      const { end } = periodOf(get(world, "subscription", id));
      passTime(world, Math.max(0, end * 1000 - world.clock.nowMs()));
      const invoice = get(world, "invoice", get(world, "subscription", id)["latest_invoice"]);
      passTime(world, world.graceMs);
      return invoice;
    },
    completeCheckout: (id) => completeSession(world, get(world, "checkout.session", id)),
    setCard: (id, card) => void world.cards.set(text(get(world, "customer", id), "id"), card),
    setStatus: (id, status) => setStatus(world, id, status),
    openDispute: (customer) => openDispute(world, customer),
    closeDispute: (id, status) => closeDispute(world, id, status),
    emit: (type, object) => emit(world, type, object),
    setMeterLag: (ms) => {
      world.meterLagMs = ms;
    },
    setInvoiceGrace: (ms) => {
      world.graceMs = ms;
    },
    stopNext: (operation) => world.gates.close(operation),
    object: (id) => {
      const found = world.objects.get(id);
      if (found === undefined) throw new Error(`Expected an object ${id} in the stand-in, found none.`);
      return structuredClone(found);
    },
    objects: (kind) => all(world, kind).map((one) => structuredClone(one)),
    meterSum: (customer, eventName) =>
      all(world, "billing.meter")
        .filter((meter) => meter["event_name"] === eventName)
        .reduce(
          (sum, meter) =>
            sum + aggregate(world, { meter, customer, from: 0, to: Infinity, lagged: false }).value,
          0,
        ),
    meterEvents: () => world.meterEvents,
  };
}

function setStatus(world: World, id: string, status: string): void {
  const subscription = get(world, "subscription", id);
  const before = structuredClone(subscription);
  subscription["status"] = status;
  const isOver = status === "canceled" || status === "incomplete_expired";
  subscription["ended_at"] = isOver ? world.clock.now() : null;
  if (status === "canceled") subscription["canceled_at"] = world.clock.now();
  if (status === "trialing") subscription["trial_end"] ??= number(subscription, "created") + 14 * 86_400;
  const type =
    status === "canceled"
      ? "customer.subscription.deleted"
      : status === "paused"
        ? "customer.subscription.paused"
        : "customer.subscription.updated";
  emit(world, type, subscription, difference(before, subscription));
}
