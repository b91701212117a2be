import type { Call, Handler } from "./call.ts";
import { emitThin } from "./emit.ts";
import { maybeMember, maybeNumber, maybeText, member, text } from "./json.ts";
import type { JsonObject } from "./json.ts";
import { StripeRefusal, invalid } from "./stripe-error.ts";
import { all, newId } from "./world.ts";
import type { MeterRecord, World } from "./world.ts";

const dayMs = 24 * 60 * 60 * 1000;
const oldestSeconds = 35 * 24 * 60 * 60;
const newestSeconds = 5 * 60;

/** Meter events: taken at once, refused at once only for their identifier and time, everything else later by a thin event. */
export const meterEvents: Readonly<Record<string, Handler>> = {
  "Billing/MeterEvents.create": ({ world, params }) => {
    const identifier = maybeText(params, "identifier") ?? newId("evt");
    const timestamp = maybeNumber(params, "timestamp") ?? world.clock.now();
    checkTime(world, timestamp);
    if (identifier.length > 100) {
      throw invalid("Invalid identifier: must be at most 100 characters.", { param: "identifier" });
    }
    if (findRecent(world, identifier) !== undefined) {
      // Seen in production, not in Stripe's documentation: 400, no code, and no second try.
      throw new StripeRefusal({
        status: 400,
        type: "invalid_request_error",
        message: `An event already exists with identifier ${identifier}.`,
        shouldRetry: false,
      });
    }
    const payload = member(params, "payload");
    const record: MeterRecord = {
      identifier,
      eventName: text(params, "event_name"),
      payload,
      timestamp,
      receivedMs: world.clock.nowMs(),
      counted: null,
      cancelled: false,
    };
    world.meterEvents.push(record);
    count(world, record);
    return {
      object: "billing.meter_event",
      created: world.clock.now(),
      event_name: record.eventName,
      identifier,
      livemode: false,
      payload,
      timestamp,
    };
  },
  "Billing/MeterEventAdjustments.create": ({ world, params }: Call) => {
    const identifier = maybeText(maybeMember(params, "cancel"), "identifier");
    if (identifier === null) {
      throw invalid("Missing required param: cancel[identifier].", {
        code: "parameter_missing",
        param: "cancel[identifier]",
      });
    }
    const found = findRecent(world, identifier);
    if (found?.eventName !== text(params, "event_name")) {
      throw invalid(
        `No meter event with the identifier ${identifier} was received within the last 24 hours.`,
        { param: "cancel[identifier]" },
      );
    }
    if (found.cancelled) {
      throw invalid(`The meter event ${identifier} is already cancelled.`, { param: "cancel[identifier]" });
    }
    found.cancelled = true;
    return {
      object: "billing.meter_event_adjustment",
      cancel: { identifier },
      event_name: found.eventName,
      livemode: false,
      status: "complete",
      type: "cancel",
    };
  },
};

/** The customer that a meter event is about, as far as one can tell before it is judged. */
export function customerOf(world: World, params: JsonObject): string | null {
  const meter = meterOf(world, text(params, "event_name"));
  const key =
    meter === undefined ? "stripe_customer_id" : text(member(meter, "customer_mapping"), "event_payload_key");
  return maybeText(maybeMember(params, "payload"), key);
}

function checkTime(world: World, timestamp: number): void {
  if (timestamp < world.clock.now() - oldestSeconds) {
    const message = "The timestamp must be within the past 35 calendar days.";
    throw invalid(message, { code: "timestamp_too_far_in_past", param: "timestamp" });
  }
  if (timestamp > world.clock.now() + newestSeconds) {
    const message = "The timestamp must be no more than 5 minutes in the future.";
    throw invalid(message, { code: "timestamp_in_future", param: "timestamp" });
  }
}

/** Identifiers are unique within 24 hours of being received, and free again afterwards. */
function findRecent(world: World, identifier: string): MeterRecord | undefined {
  const since = world.clock.nowMs() - dayMs;
  return world.meterEvents.find((one) => one.identifier === identifier && one.receivedMs > since);
}

function meterOf(world: World, eventName: string): JsonObject | undefined {
  const named = all(world, "billing.meter").filter((one) => one["event_name"] === eventName);
  return named.find((one) => one["status"] === "active") ?? named[0];
}

function count(world: World, record: MeterRecord): void {
  const meter = meterOf(world, record.eventName);
  if (meter === undefined) {
    report(world, record, {
      code: "no_meter",
      message: `No meter found for event name ${record.eventName}.`,
    });
    return;
  }
  const refuse = (code: string, message: string) => report(world, record, { code, message, meter });
  if (meter["status"] !== "active") {
    refuse("archived_meter", "The meter is archived.");
    return;
  }
  const customer = maybeText(record.payload, text(member(meter, "customer_mapping"), "event_payload_key"));
  const found = customer === null ? undefined : world.objects.get(customer);
  const value = maybeText(record.payload, text(member(meter, "value_settings"), "event_payload_key"));
  const needsValue = text(member(meter, "default_aggregation"), "formula") !== "count";
  if (customer === null) refuse("meter_event_no_customer_defined", "The payload names no customer.");
  else if (found?.["object"] !== "customer" || found["deleted"] === true) {
    refuse("meter_event_customer_not_found", `No customer ${customer}.`);
  } else if (needsValue && !/^-?\d+$/.test(value ?? "")) {
    refuse("meter_event_invalid_value", `The value must be a whole number, got ${String(value)}.`);
  } else if (needsValue && (value ?? "").replace("-", "").length > 15) {
    refuse("meter_event_value_too_many_digits", "The value has more than 15 digits.");
  } else {
    record.counted = { meter: text(meter, "id"), customer, value: needsValue ? Number(value) : 1 };
  }
}

function report(
  world: World,
  record: MeterRecord,
  error: { code: string; message: string; meter?: JsonObject },
): void {
  const now = world.clock.nowMs();
  const [kind, type] =
    error.meter === undefined
      ? ["V1BillingMeterNoMeterFoundEvent", "v1.billing.meter.no_meter_found"]
      : ["V1BillingMeterErrorReportTriggeredEvent", "v1.billing.meter.error_report_triggered"];
  const sample = { error_message: error.message, request: { identifier: record.identifier } };
  emitThin(world, {
    type,
    definition: `V2/Core/Events:${kind}`,
    data: {
      developer_message_summary: `There is 1 invalid event: ${error.code}`,
      reason: {
        error_count: 1,
        error_types: [{ code: error.code, error_count: 1, sample_errors: [sample] }],
      },
      validation_start: new Date(now - (now % 60_000)).toISOString(),
      validation_end: new Date(now - (now % 60_000) + 60_000).toISOString(),
    },
    ...(error.meter === undefined
      ? {}
      : {
          relatedObject: {
            id: text(error.meter, "id"),
            type: "billing.meter",
            url: `/v1/billing/meters/${text(error.meter, "id")}`,
          },
        }),
  });
}
