import { isObject } from "./json.ts";
import type { JsonObject } from "./json.ts";
import { faultsOf } from "./shape-object.ts";
import { newId, save } from "./world.ts";
import type { World } from "./world.ts";
import { present } from "./present.ts";

/** Makes a snapshot event of an object as it is now and sends it to the webhooks. */
export function emit(world: World, type: string, object: JsonObject, previous?: JsonObject): JsonObject {
  const event = save(world, {
    id: newId("evt"),
    object: "event",
    api_version: world.apiVersion,
    created: world.clock.now(),
    data: {
      object: present(world, object, []),
      ...(previous === undefined ? {} : { previous_attributes: previous }),
    },
    livemode: false,
    pending_webhooks: [...world.deliveries.endpoints.values()].filter(({ kind }) => kind === "snapshot")
      .length,
    request: { id: world.requests.at(-1)?.requestId ?? null, idempotency_key: null },
    type,
  });
  world.deliveries.announce("snapshot", structuredClone(event));
  return event;
}

/** Makes a thin event: what is sent names the object alone, the data must be fetched. */
export function emitThin(
  world: World,
  event: { type: string; definition: string; data: JsonObject; relatedObject?: JsonObject },
): JsonObject {
  const whole: JsonObject = {
    id: newId("evt_test"),
    object: "v2.core.event",
    created: new Date(world.clock.nowMs()).toISOString(),
    data: event.data,
    livemode: false,
    type: event.type,
    ...(event.relatedObject === undefined ? {} : { related_object: event.relatedObject }),
  };
  const faults = faultsOf({ ref: event.definition }, whole, event.type);
  if (faults.length > 0) throw new Error(`The stand-in made a wrong event: ${faults.join("; ")}`);
  save(world, whole);
  const sent: JsonObject = { ...whole, related_object: whole["related_object"] ?? null };
  delete sent["data"];
  world.deliveries.announce("thin", sent);
  return whole;
}

/** What changed, as `previous_attributes` tells it: the old values of the members that differ. */
export function difference(before: JsonObject, after: JsonObject): JsonObject {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  const changed = names.filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]));
  return Object.fromEntries(
    changed.map((name) => {
      const [old, now] = [before[name] ?? null, after[name] ?? null];
      return [name, isObject(old) && isObject(now) && name !== "items" ? difference(old, now) : old];
    }),
  );
}
