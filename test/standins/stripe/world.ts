import { randomBytes } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import type { StripeClock } from "./clock.ts";
import type { FaultList } from "./faults.ts";
import type { Gates } from "./gates.ts";
import type { IdempotencyKeys } from "./idempotency.ts";
import { text } from "./json.ts";
import type { Json, JsonObject } from "./json.ts";
import { missing } from "./stripe-error.ts";
import type { Deliveries } from "./webhooks.ts";

export type StripeRequest = {
  method: string;
  url: string;
  /** As the SDK names it, null for a request that Stripe does not know. */
  operation: string | null;
  params: JsonObject;
  headers: IncomingHttpHeaders;
  idempotencyKey: string | null;
  requestId: string;
  /** Null until answered, and for ever where the connection was cut. */
  status: number | null;
  replayed: boolean;
};

/** A meter event that was taken, whether or not it could be counted. */
export type MeterRecord = {
  identifier: string;
  eventName: string;
  payload: JsonObject;
  /** Unix seconds, as the sender says. */
  timestamp: number;
  receivedMs: number;
  /** Null where it could not be counted. */
  counted: { meter: string; customer: string; value: number } | null;
  cancelled: boolean;
};

/** How a customer's card behaves when an invoice is collected. */
export type Card = "good" | "declines" | "needs-action";

/** A metered part of a draft invoice, counted again when it is finalized. */
export type UsagePart = {
  item: JsonObject;
  customer: string;
  subscription: string;
  /** Unix seconds; `to` is excluded. */
  from: number;
  to: number;
  /** Taken by a threshold invoice before. */
  billed: number;
};

/** What Stripe knows about a subscription that its API does not tell. */
export type SubscriptionState = {
  /** Cycles run from here, unix seconds. */
  anchor: number;
  cycle: number;
  /** Usage of the running period that a threshold invoice already took, by subscription item. */
  billed: Map<string, number>;
  /** The first cycle is a trial. */
  trial: boolean;
};

export type World = {
  apiKey: string;
  /** What a restricted key may do, by operation; null: everything. */
  allowed: ReadonlySet<string> | null;
  apiVersion: string;
  clock: StripeClock;
  faults: FaultList;
  keys: IdempotencyKeys;
  gates: Gates;
  deliveries: Deliveries;
  requests: StripeRequest[];
  violations: string[];
  objects: Map<string, JsonObject>;
  meterEvents: MeterRecord[];
  /** Customers with a meter event under way. */
  metering: Set<string>;
  /** How long meter events take to show in summaries. */
  meterLagMs: number;
  /** How long an invoice stays a draft, 1 h as Stripe's default. */
  graceMs: number;
  cards: Map<string, Card>;
  subscriptions: Map<string, SubscriptionState>;
  usage: Map<string, UsagePart[]>;
};

/** An id as Stripe makes them. */
export function newId(prefix: string): string {
  return `${prefix}_${randomBytes(18).toString("base64url").replaceAll(/[-_]/g, "0")}`;
}

export function save(world: World, object: JsonObject): JsonObject {
  world.objects.set(text(object, "id"), object);
  return object;
}

/** Every object of a kind, the newest first. */
export function all(world: World, kind: string): JsonObject[] {
  return [...world.objects.values()].filter((one) => one["object"] === kind).toReversed();
}

/** The object, or Stripe's refusal: 404 when the path names it, 400 when `param` does. */
export function get(world: World, kind: string, id: Json | undefined, param?: string): JsonObject {
  const found = typeof id === "string" ? world.objects.get(id) : undefined;
  if (found !== undefined && found["object"] === kind && (param === undefined || found["deleted"] !== true)) {
    return found;
  }
  const name = kind.replace(/^.*\./, "").replaceAll("_", " ");
  throw missing(name, typeof id === "string" ? id : "", param ?? "id", param === undefined ? 404 : 400);
}
