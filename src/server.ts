// Loaded before all else it keeps the idle process 45 MB smaller (Node.js 24, VmRSS).
import "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import { openDatabase } from "../db/client.ts";
import { readBillingStats } from "./billing/billing-stats-store.ts";
import { systemClock } from "./clock.ts";
import { readServerConfig, type ServerConfig } from "./config.ts";
import { toError, UserError } from "./errors.ts";
import { createGatewayRoute, gatewayPrefix } from "./gateway/gateway-route.ts";
import { createLogger, type Logger } from "./log.ts";
import { isMain, runProcess } from "./process.ts";
import { openQueue } from "./queue/queue.ts";
import { priceCall } from "./usage/price.ts";
import { createBillingRoute } from "./web/billing-route.ts";
import { answerHealth, createHealth } from "./web/health.ts";
import { webhookPath } from "./web/app-manifest.ts";
import { exitRestart } from "./web/exit-restart.ts";
import { openHttpListener } from "./web/http-listener.ts";
import { readSettings } from "./web/settings-file.ts";
import { createSetup } from "./web/setup.ts";
import { createMetrics } from "./web/metrics.ts";
import { answerProblem } from "./webhooks/answer.ts";
import { maxBodyBytes } from "./webhooks/check-head.ts";
import { openDeliveryStore } from "./webhooks/intake-store.ts";
import { createInbox } from "./webhooks/inbox.ts";
import { declaredLength } from "./webhooks/read-body.ts";
import { startSmee } from "./webhooks/smee.ts";
import { createStripeRoute } from "./webhooks/stripe-route.ts";

/** Answers the request and says so, or leaves it to the next one. */
export type RouteHandler = (request: IncomingMessage, response: ServerResponse) => Promise<boolean> | boolean;

export type RunningServer = {
  /** Where it listens, with the port it really got. */
  url: string;
  /** Not ready any more, no new connections, answers what is under way, closes. */
  close(): Promise<void>;
};

type StartInput = {
  config: ServerConfig;
  log?: Logger;
  /** Tried in order, before the 404 and after what is built in; /setup and the dashboard come in here. */
  routes?: readonly RouteHandler[];
};

/** What stands behind the routes and must be let go at the end. */
type Backend = {
  routes: readonly RouteHandler[];
  /** Whether agents elsewhere reach the model through this server. */
  remoteSandboxes: boolean;
  close: () => Promise<void>;
};

/** The whole request must come in while GitHub still waits for the answer. */
const bodyTimeoutMs = 10_000;
/** A long conversation is larger than any delivery, and GitHub's network is not behind it. */
const modelBodyTimeoutMs = 60_000;

export async function startServer({
  config,
  log = createLogger(config, "server"),
  routes = [],
}: StartInput): Promise<RunningServer> {
  const state = { open: true };
  const backend = config.app === null ? withoutApp() : await openBackend(config, config.app, log, state);
  const handlers = [answerHealth, ...backend.routes, ...routes];
  const listener = await openHttpListener({
    ...config.server,
    bodyTimeoutMs,
    slow: backend.remoteSandboxes ? { is: isModelCall, bodyTimeoutMs: modelBodyTimeoutMs } : null,
    onRequest: (request, response) => void route(handlers, log, request, response),
    // Told to go on only if its body may be as large as it says.
    mayContinue: (request) => isModelCall(request) || (declaredLength(request) ?? 0) <= maxBodyBytes,
  });
  const { url } = listener;
  const stopSmee =
    config.server.webhookProxyUrl === null
      ? null
      : await startSmee({ source: config.server.webhookProxyUrl, target: `${url}${webhookPath}`, log });
  log.info({ url, setup: config.app === null }, "the server listens");
  return {
    url,
    async close() {
      state.open = false;
      await stopSmee?.();
      await listener.close();
      await backend.close();
    },
  };
}

function withoutApp(): Backend {
  const refuse: RouteHandler = (request, response) => {
    if (pathOf(request) !== webhookPath) return false;
    answerProblem(response, 503, "No GitHub App is configured yet; open /setup.", { "retry-after": "300" });
    return true;
  };
  return { routes: [refuse], remoteSandboxes: false, close: () => Promise.resolve() };
}

async function openBackend(
  config: ServerConfig,
  app: NonNullable<ServerConfig["app"]>,
  log: Logger,
  state: { open: boolean },
): Promise<Backend> {
  const { databaseUrl: url } = config;
  if (url === null)
    throw new UserError(
      "database-url-missing",
      "The server on its own needs a database, and DATABASE_URL is not set.",
      "Set DATABASE_URL, or run npm start, which brings its own PostgreSQL.",
    );
  const database = openDatabase({ url, log });
  const { db, system } = database;
  const queue = await openQueue({ url, log, mode: "send" });
  const metrics = createMetrics({
    queue,
    readBilling: config.billing === null ? null : () => readBillingStats(system),
  });
  const inbox = createInbox({
    config: { secrets: app.webhookSecrets },
    openStore: () => openDeliveryStore({ url, system, queue }),
    log,
    clock: systemClock,
    onAnswered: metrics.recordDelivery,
  });
  const receive: RouteHandler = async (request, response) => {
    if (pathOf(request) !== webhookPath) return false;
    await inbox.handle(request, response);
    return true;
  };
  const isOpen = () => state.open;
  const remoteSandboxes = config.sandbox.providers.some((name) => name !== "local");
  const gateway = remoteSandboxes
    ? createGatewayRoute({ db, system, config, log, clock: systemClock, priceCall, isOpen })
    : null;
  return {
    routes: [
      receive,
      createStripeRoute(config.billing, { system, queue, log }),
      createBillingRoute({ config, db, system, log }),
      ...(gateway === null ? [] : [gateway.handle]),
      createHealth({ system, queue, metrics, log, isOpen }),
    ],
    remoteSandboxes,
    async close() {
      await inbox.close();
      await gateway?.close();
      await Promise.all([queue.stop(), database.close()]);
    },
  };
}

const pathOf = (request: IncomingMessage) => request.url?.split("?", 1)[0];

const isModelCall = (request: IncomingMessage) => request.url?.startsWith(gatewayPrefix) === true;

async function route(
  handlers: readonly RouteHandler[],
  log: Logger,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    for (const handler of handlers) if (await handler(request, response)) return;
    answerProblem(response, 404, `There is nothing at ${pathOf(request) ?? "/"}.`);
  } catch (error) {
    log.error({ err: toError(error), method: request.method, path: pathOf(request) }, "a request failed");
    answerProblem(response, 500, "Something went wrong here.");
  }
}

if (isMain(import.meta.url)) {
  await runProcess("server", async () => {
    const config = readServerConfig(readSettings(".env", process.env));
    const server = config.app === null ? await startSetup(config) : await startServer({ config });
    return { stop: () => server.close() };
  });
}

/** Without an App there is only /setup, whose address is for the operator's eyes and never for the log. */
async function startSetup(config: ServerConfig): Promise<RunningServer> {
  const setup = createSetup({
    config: { ...config, app: null },
    log: createLogger(config, "server"),
    settingsPath: ".env",
    onSaved: () => void server.close().then(() => process.exit(exitRestart)),
  });
  const server = await startServer({
    config,
    routes: [(request, response) => setup.handle(request, response)],
  });
  process.stderr.write(`No GitHub App is configured yet. Open ${server.url}${setup.path}\n`);
  return server;
}
