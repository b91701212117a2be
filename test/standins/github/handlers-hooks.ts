import { numberOf } from "./call.ts";
import type { Answer, Call, Handler } from "./call.ts";
import { appOf } from "./handlers-apps.ts";
import { HttpError, notFound } from "./http-error.ts";
import { text } from "./json.ts";
import type { JsonObject } from "./json.ts";
import type { App, Delivery } from "./state.ts";
import { payloadFacts } from "./webhooks.ts";
import type { World } from "./world.ts";

/** The App's webhook: configuration, deliveries, redelivery. */
export const hookHandlers: Record<string, Handler> = {
  "apps/get-webhook-config-for-app": (_world, call) => ({ status: 200, facts: configFacts(appOf(call)) }),
  "apps/update-webhook-config-for-app": (_world, call) => {
    const { hook } = appOf(call);
    hook.url = text(call.body["url"]) ?? hook.url;
    hook.secret = text(call.body["secret"]) ?? hook.secret;
    return { status: 200, facts: configFacts(appOf(call)) };
  },
  "apps/list-webhook-deliveries": listDeliveries,
  "apps/get-webhook-delivery": (_world, call) => ({
    status: 200,
    facts: fullFacts(deliveryOf(_world, call)),
  }),
  "apps/redeliver-webhook-delivery": (world, call) => {
    world.redeliver(deliveryOf(world, call));
    return { status: 202, facts: {} };
  },
};

function configFacts(app: App): JsonObject {
  const { url, contentType, insecureSsl } = app.hook;
  return {
    ...(url === undefined ? {} : { url }),
    content_type: contentType,
    insecure_ssl: insecureSsl,
    secret: "********",
  };
}

function finished(world: World, call: Call): Delivery[] {
  const appId = appOf(call).id;
  return world.deliveries.filter((delivery) => delivery.appId === appId && delivery.status !== "pending");
}

function deliveryOf(world: World, call: Call): Delivery {
  const found = finished(world, call).find(({ id }) => id === numberOf(call, "delivery_id"));
  if (found === undefined) throw notFound();
  return found;
}

function listDeliveries(world: World, call: Call): Answer {
  const perPage = Math.min(100, Number(call.query["per_page"] ?? 30));
  const status = text(call.query["status"]);
  const before = openCursor(text(call.query["cursor"]));
  const items = finished(world, call)
    .filter(({ id }) => before === undefined || id < before)
    .filter(
      (item) =>
        status === undefined || (status === "failure") === (item.statusCode >= 400 && item.statusCode <= 599),
    )
    .toSorted((a, b) => b.id - a.id);
  const shown = items.slice(0, perPage);
  const last = shown.at(-1);
  const facts = shown.map(itemFacts);
  if (items.length <= perPage || last === undefined) return { status: 200, facts };
  const query = new URLSearchParams({ per_page: String(perPage), cursor: closeCursor(last.id) });
  if (status !== undefined) query.set("status", status);
  return {
    status: 200,
    facts,
    headers: { link: `<${world.apiUrl}${call.path}?${query.toString()}>; rel="next"` },
  };
}

// A cursor says nothing to its holder on GitHub either.
function closeCursor(id: number): string {
  return `v1_${Buffer.from(String(id)).toString("base64url")}`;
}

function openCursor(cursor: string | undefined): number | undefined {
  if (cursor === undefined) return undefined;
  const id = Number(Buffer.from(cursor.replace(/^v1_/, ""), "base64url").toString());
  if (!cursor.startsWith("v1_") || !Number.isSafeInteger(id)) throw new HttpError(400, "Invalid cursor");
  return id;
}

function itemFacts(delivery: Delivery): JsonObject {
  return {
    id: delivery.id,
    guid: delivery.guid,
    delivered_at: delivery.deliveredAt,
    redelivery: delivery.redelivery,
    duration: delivery.durationS,
    status: delivery.status,
    status_code: delivery.statusCode,
    event: delivery.event,
    action: delivery.action,
    installation_id: delivery.installationId,
    repository_id: delivery.repositoryId,
    throttled_at: null,
  };
}

function fullFacts(delivery: Delivery): JsonObject {
  return {
    ...itemFacts(delivery),
    url: delivery.targetUrl,
    request: { headers: { ...delivery.requestHeaders }, payload: payloadFacts(delivery) },
    response: { headers: { ...delivery.responseHeaders }, payload: delivery.responseBody },
  };
}
