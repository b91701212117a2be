import { apply, mergeMetadata } from "./call.ts";
import type { Handler } from "./call.ts";
import { maybeMember, maybeText, member, text } from "./json.ts";
import type { Json, JsonObject } from "./json.ts";
import { complete } from "./shape-object.ts";
import { invalid } from "./stripe-error.ts";
import { all, get, newId, save } from "./world.ts";
import type { World } from "./world.ts";

/** Events and where they are sent: v1 endpoints for snapshots, v2 destinations for either kind. */
export const endpoints: Readonly<Record<string, Handler>> = {
  "Events.retrieve": ({ world, id }) => get(world, "event", id),
  "Events.list": ({ world, params }) => {
    const types = params["types"];
    const type = maybeText(params, "type");
    return all(world, "event").filter(
      (one) =>
        (!Array.isArray(types) || types.includes(text(one, "type"))) &&
        (type === null || matches(type, text(one, "type"))),
    );
  },
  "V2/Core/Events.retrieve": ({ world, id }) => get(world, "v2.core.event", id),
  "WebhookEndpoints.create": ({ world, params }) => {
    const url = checkUrl(text(params, "url"), "url");
    const secret = newId("whsec");
    const endpoint = complete("WebhookEndpoints:WebhookEndpoint", {
      id: newId("we"),
      object: "webhook_endpoint",
      api_version: params["api_version"] ?? null,
      created: world.clock.now(),
      description: params["description"] ?? null,
      enabled_events: params["enabled_events"] ?? [],
      livemode: false,
      metadata: {},
      status: "enabled",
      url,
    });
    mergeMetadata(endpoint, params["metadata"]);
    save(world, endpoint);
    listen(world, endpoint, { url, secret, kind: "snapshot" });
    // The secret is told once, to whoever made the endpoint.
    return { ...endpoint, secret };
  },
  "WebhookEndpoints.retrieve": ({ world, id }) => get(world, "webhook_endpoint", id),
  "WebhookEndpoints.update": ({ world, id, params }) => {
    const endpoint = get(world, "webhook_endpoint", id);
    apply(endpoint, params, ["description", "enabled_events", "url"]);
    mergeMetadata(endpoint, params["metadata"]);
    if (typeof params["disabled"] === "boolean")
      endpoint["status"] = params["disabled"] ? "disabled" : "enabled";
    const known = world.deliveries.endpoints.get(id);
    if (known !== undefined) listen(world, endpoint, { ...known, url: text(endpoint, "url") });
    return endpoint;
  },
  "WebhookEndpoints.list": ({ world }) => all(world, "webhook_endpoint"),
  "WebhookEndpoints.del": ({ world, id }) => {
    get(world, "webhook_endpoint", id);
    world.objects.delete(id);
    world.deliveries.endpoints.delete(id);
    return { id, object: "webhook_endpoint", deleted: true };
  },
  "V2/Core/EventDestinations.create": ({ world, params }) => {
    if (params["type"] !== "webhook_endpoint")
      throw new Error("The stand-in models webhooks as event destinations alone.");
    const url = checkUrl(text(member(params, "webhook_endpoint"), "url"), "webhook_endpoint.url");
    const secret = newId("whsec");
    const now = new Date(world.clock.nowMs()).toISOString();
    const destination: JsonObject = {
      id: newId("ed_test"),
      object: "v2.core.event_destination",
      created: now,
      description: params["description"] ?? "",
      enabled_events: params["enabled_events"] ?? [],
      event_payload: text(params, "event_payload"),
      events_from: ["self"],
      livemode: false,
      metadata: maybeMember(params, "metadata"),
      name: text(params, "name"),
      status: "enabled",
      type: "webhook_endpoint",
      updated: now,
    };
    save(world, destination);
    const kind = params["event_payload"] === "thin" ? "thin" : "snapshot";
    listen(world, destination, { url, secret, kind });
    return include(destination, params["include"], { signing_secret: secret, url });
  },
  "V2/Core/EventDestinations.retrieve": ({ world, id, params }) => {
    const destination = get(world, "v2.core.event_destination", id);
    return include(destination, params["include"], { url: world.deliveries.endpoints.get(id)?.url ?? null });
  },
  "V2/Core/EventDestinations.list": ({ world, params }) =>
    all(world, "v2.core.event_destination").map((one) =>
      include(one, params["include"], { url: world.deliveries.endpoints.get(text(one, "id"))?.url ?? null }),
    ),
  "V2/Core/EventDestinations.del": ({ world, id }) => {
    get(world, "v2.core.event_destination", id);
    world.objects.delete(id);
    world.deliveries.endpoints.delete(id);
    return { id, object: "v2.core.event_destination" };
  },
};

function listen(
  world: World,
  endpoint: JsonObject,
  to: { url: string; secret: string; kind: "snapshot" | "thin" },
): void {
  const id = text(endpoint, "id");
  const events = Array.isArray(endpoint["enabled_events"]) ? endpoint["enabled_events"].map(String) : [];
  const { url, secret, kind } = to;
  world.deliveries.endpoints.set(id, {
    id,
    url,
    secret,
    kind,
    events,
    enabled: endpoint["status"] === "enabled",
  });
}

function include(destination: JsonObject, wanted: Json | undefined, known: JsonObject): JsonObject {
  if (!Array.isArray(wanted) || wanted.length === 0) return destination;
  const names = wanted
    .filter((one) => typeof one === "string")
    .map((one) => one.replace("webhook_endpoint.", ""));
  return {
    ...destination,
    webhook_endpoint: Object.fromEntries(names.map((name) => [name, known[name] ?? null])),
  };
}

function matches(pattern: string, type: string): boolean {
  return pattern.endsWith("*") ? type.startsWith(pattern.slice(0, -1)) : pattern === type;
}

/** Test mode takes any http(s) address. */
function checkUrl(url: string, param: string): string {
  if (!/^https?:\/\//.test(url) || !URL.canParse(url))
    throw invalid("Invalid URL", { code: "url_invalid", param });
  return url;
}
