import { having } from "./call.ts";
import type { Handler } from "./call.ts";
import { emit } from "./emit.ts";
import { maybeMember, maybeText, member, number, text } from "./json.ts";
import type { JsonObject } from "./json.ts";
import { aggregate } from "./meter-sum.ts";
import { complete } from "./shape-object.ts";
import { invalid } from "./stripe-error.ts";
import { all, get, newId, save } from "./world.ts";

/** Billing meters and the sums of what they counted. */
export const meters: Readonly<Record<string, Handler>> = {
  "Billing/Meters.create": ({ world, params }) => {
    const eventName = text(params, "event_name");
    const holder = all(world, "billing.meter").find(
      (one) => one["event_name"] === eventName && one["status"] === "active",
    );
    if (holder !== undefined) {
      const message = `An active meter already exists for the event name ${eventName}.`;
      throw invalid(message, { param: "event_name" });
    }
    if (eventName.length > 100)
      throw invalid("Invalid event_name: at most 100 characters.", { param: "event_name" });
    const meter = complete("Billing/Meters:Meter", {
      id: newId("mtr_test"),
      object: "billing.meter",
      created: world.clock.now(),
      customer_mapping: {
        event_payload_key:
          maybeText(maybeMember(params, "customer_mapping"), "event_payload_key") ?? "stripe_customer_id",
        type: "by_id",
      },
      default_aggregation: { formula: text(member(params, "default_aggregation"), "formula") },
      display_name: text(params, "display_name"),
      event_name: eventName,
      event_time_window: params["event_time_window"] ?? null,
      livemode: false,
      status: "active",
      status_transitions: { deactivated_at: null },
      updated: world.clock.now(),
      value_settings: {
        event_payload_key: maybeText(maybeMember(params, "value_settings"), "event_payload_key") ?? "value",
      },
    });
    save(world, meter);
    emit(world, "billing.meter.created", meter);
    return meter;
  },
  "Billing/Meters.retrieve": ({ world, id }) => get(world, "billing.meter", id),
  "Billing/Meters.update": ({ world, id, params }) => {
    const meter = get(world, "billing.meter", id);
    meter["display_name"] = params["display_name"] ?? text(meter, "display_name");
    meter["updated"] = world.clock.now();
    emit(world, "billing.meter.updated", meter);
    return meter;
  },
  "Billing/Meters.list": ({ world, params }) => having(all(world, "billing.meter"), params, ["status"]),
  "Billing/Meters.deactivate": ({ world, id }) => {
    const meter = get(world, "billing.meter", id);
    if (meter["status"] !== "active") throw invalid("The meter is already inactive.");
    meter["status"] = "inactive";
    meter["status_transitions"] = { deactivated_at: world.clock.now() };
    emit(world, "billing.meter.deactivated", meter);
    return meter;
  },
  "Billing/Meters.reactivate": ({ world, id }) => {
    const meter = get(world, "billing.meter", id);
    if (meter["status"] === "active") throw invalid("The meter is already active.");
    meter["status"] = "active";
    meter["status_transitions"] = { deactivated_at: null };
    emit(world, "billing.meter.reactivated", meter);
    return meter;
  },
  "Billing/Meters.listEventSummaries": ({ world, id, params }) => {
    const meter = get(world, "billing.meter", id);
    const customer = text(get(world, "customer", params["customer"], "customer"), "id");
    const [from, to] = [number(params, "start_time"), number(params, "end_time")];
    const window = maybeText(params, "value_grouping_window");
    const step = window === "day" ? 86_400 : window === "hour" ? 3600 : 60;
    for (const name of ["start_time", "end_time"]) {
      if (number(params, name) % step !== 0) {
        const unit = window ?? "minute";
        throw invalid(`${name} must align with ${unit} boundaries.`, { param: name });
      }
    }
    if (to <= from) throw invalid("end_time must be after start_time.", { param: "end_time" });
    const starts = window === null ? [from] : range(from, to, step);
    return starts.flatMap((start): JsonObject[] => {
      const end = window === null ? to : start + step;
      const found = aggregate(world, { meter, customer, from: start, to: end, lagged: true });
      // Stripe tells windows in which something was counted, and no others.
      return found.count === 0
        ? []
        : [
            {
              id: `mtrusg_test_${id.slice(-6)}${customer.slice(-6)}${start}${end}`,
              object: "billing.meter_event_summary",
              aggregated_value: found.value,
              end_time: end,
              livemode: false,
              meter: id,
              start_time: start,
            },
          ];
    });
  },
};

/** The newest window first, as every list. */
function range(from: number, to: number, step: number): number[] {
  const count = Math.ceil((to - from) / step);
  return Array.from({ length: count }, (_, index) => from + index * step).toReversed();
}
