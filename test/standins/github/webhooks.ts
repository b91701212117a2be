import { createHmac, randomUUID } from "node:crypto";
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { accountFacts, installationFacts, installedRepositories, nodeId } from "./facts.ts";
import { repositoryFacts } from "./facts-repository.ts";
import { isObject } from "./json.ts";
import type { Json, JsonObject } from "./json.ts";
import type { App, Delivery, Installation } from "./state.ts";
import { accountById, must, ownerOf, stamp } from "./world.ts";
import type { WebhookEvent, World } from "./world.ts";

// GitHub gives up on a receiver after ten seconds.
const answerTimeoutMs = 10_000;
const keptAnswerBytes = 64 * 1024;

/** Makes the deliveries of an event: one for each installation that covers the repository and hears this event. */
export function planDeliveries(world: World, event: WebhookEvent): Delivery[] {
  const targets = event.installation === undefined ? listeners(world, event) : [event.installation];
  return targets.flatMap((installation) => {
    const app = must(world.apps.get(installation.appId), `app ${installation.appId}`);
    world.eventsSent.add(event.event);
    return app.hook.url === undefined
      ? []
      : [newDelivery(world, { app, installation, event, url: app.hook.url })];
  });
}

function listeners(world: World, event: WebhookEvent): Installation[] {
  return [...world.installations.values()].filter((installation) => {
    if (installation.suspendedAt !== null || !installation.events.includes(event.event)) return false;
    if (event.onlyAppId !== undefined && installation.appId !== event.onlyAppId) return false;
    return installedRepositories(world, installation).some(({ id }) => id === event.repository?.id);
  });
}

function newDelivery(
  world: World,
  input: { app: App; installation: Installation; event: WebhookEvent; url: string },
): Delivery {
  const { app, installation, event, url } = input;
  const body = JSON.stringify(payloadOf(world, event, installation));
  const guid = randomUUID();
  const delivery: Delivery = {
    id: world.nextId("delivery"),
    guid,
    appId: app.id,
    event: event.event,
    action: event.action,
    installationId: installation.id,
    repositoryId: event.repository?.id ?? null,
    deliveredAt: stamp(world),
    redelivery: false,
    durationS: 0,
    status: "pending",
    statusCode: 0,
    targetUrl: url,
    requestHeaders: headersOf(app, { guid, event: event.event, body }),
    body,
    responseHeaders: {},
    responseBody: "",
  };
  world.deliveries.push(delivery);
  return delivery;
}

function payloadOf(world: World, event: WebhookEvent, installation: Installation): Json {
  const { action, repository, sender } = event;
  const owner = repository === null ? accountById(world, installation.accountId) : ownerOf(world, repository);
  const name = [event.event, action]
    .filter((part) => part !== null)
    .join("-")
    .replaceAll("_", "-");
  const facts: JsonObject = {
    ...(action === null ? {} : { action }),
    sender: accountFacts(world, sender),
    installation:
      event.installation === undefined
        ? { id: installation.id, node_id: nodeId("MDI", installation.id) }
        : installationFacts(world, installation),
    ...(repository === null ? {} : { repository: repositoryFacts(world, repository) }),
    ...(owner.type === "Organization" ? { organization: accountFacts(world, owner) } : {}),
    ...event.facts,
  };
  const payload = world.contract.webhook(name, facts);
  world.later(() => {
    for (const problem of world.contract.checkWebhook(name, payload)) {
      world.violations.push(`stand-in bug: webhook ${name}: ${problem}`);
    }
  });
  return payload;
}

function headersOf(app: App, input: { guid: string; event: string; body: string }): Record<string, string> {
  const signature = createHmac("sha256", app.hook.secret).update(input.body).digest("hex");
  const sha1 = createHmac("sha1", app.hook.secret).update(input.body).digest("hex");
  return {
    Accept: "*/*",
    "Content-Type": "application/json",
    "User-Agent": "GitHub-Hookshot/57a1d1e",
    "X-GitHub-Delivery": input.guid,
    "X-GitHub-Event": input.event,
    "X-GitHub-Hook-ID": String(app.hook.id),
    "X-GitHub-Hook-Installation-Target-ID": String(app.id),
    "X-GitHub-Hook-Installation-Target-Type": "integration",
    "X-Hub-Signature": `sha1=${sha1}`,
    "X-Hub-Signature-256": `sha256=${signature}`,
  };
}

/** The same delivery once more: same guid, same body, signed with today's secret, sent to today's URL. */
export function planRedelivery(world: World, original: Delivery): Delivery {
  const app = must(world.apps.get(original.appId), `app ${original.appId}`);
  const { guid, event, body } = original;
  const delivery: Delivery = {
    ...original,
    id: world.nextId("delivery"),
    deliveredAt: stamp(world),
    redelivery: true,
    status: "pending",
    statusCode: 0,
    targetUrl: app.hook.url ?? original.targetUrl,
    requestHeaders: headersOf(app, { guid, event, body }),
    responseHeaders: {},
    responseBody: "",
  };
  world.deliveries.push(delivery);
  return delivery;
}

/** Sends a delivery and records how it went; never retried, never rejects. */
export async function send(delivery: Delivery, signal: AbortSignal): Promise<void> {
  const startedMs = performance.now();
  const timeout = AbortSignal.timeout(answerTimeoutMs);
  try {
    const answer = await post(delivery, AbortSignal.any([signal, timeout]));
    delivery.statusCode = answer.status;
    delivery.status = answer.status < 300 ? "OK" : `Invalid HTTP Response: ${answer.status}`;
    delivery.responseHeaders = answer.headers;
    delivery.responseBody = answer.body;
  } catch (error) {
    delivery.statusCode = timeout.aborted ? 504 : 502;
    delivery.status = timeout.aborted ? "timed out" : "failed to connect to host";
    delivery.responseBody = error instanceof Error ? error.message : String(error);
  }
  delivery.durationS = Math.round(performance.now() - startedMs) / 1000;
}

type Posted = { status: number; headers: Record<string, string>; body: string };

function post(delivery: Delivery, signal: AbortSignal): Promise<Posted> {
  return new Promise((resolve, reject) => {
    const open = delivery.targetUrl.startsWith("https:") ? httpsRequest : httpRequest;
    const headers = {
      ...delivery.requestHeaders,
      "Content-Length": String(Buffer.byteLength(delivery.body)),
    };
    const request = open(
      delivery.targetUrl,
      { method: "POST", headers, signal, agent: false },
      (response) => {
        const chunks: Buffer[] = [];
        let size = 0;
        response.on("data", (chunk: Buffer) => {
          if (size < keptAnswerBytes) chunks.push(chunk);
          size += chunk.length;
        });
        response.on("error", reject);
        response.on("end", () => {
          const body = Buffer.concat(chunks).toString();
          resolve({ status: response.statusCode ?? 0, headers: flatHeaders(response.headers), body });
        });
      },
    );
    request.on("error", reject);
    request.end(delivery.body);
  });
}

function flatHeaders(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}

/** The payload of a delivery as the API shows it. */
export function payloadFacts(delivery: Delivery): JsonObject {
  const payload: unknown = JSON.parse(delivery.body);
  return isObject(payload) ? payload : {};
}
