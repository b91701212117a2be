import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { openDatabase } from "../db/client.ts";
import { systemClock } from "./clock.ts";
import { readConfig, type Config, type GitHubApp } from "./config.ts";
import { toError, UserError } from "./errors.ts";
import { createLogger, type Logger } from "./log.ts";
import { isMain, runProcess } from "./process.ts";
import { openQueue } from "./queue/queue.ts";
import { answerHealth, createHealth } from "./web/health.ts";
import { exitRestart } from "./web/exit-restart.ts";
import { readSettings } from "./web/settings-file.ts";
import { createSetup } from "./web/setup.ts";
import { createMetrics } from "./web/metrics.ts";
import { answerProblem } from "./webhooks/answer.ts";
import { maxBodyBytes } from "./webhooks/check-head.ts";
import { openDeliveryStore } from "./webhooks/intake-store.ts";
import { createInbox, inboxPath } from "./webhooks/inbox.ts";
import { declaredLength } from "./webhooks/read-body.ts";
import { startSmee } from "./webhooks/smee.ts";

/** Answers the request and says so, or leaves it to the next one. */
export type RouteHandler = (request: IncomingMessage, response: ServerResponse) => Promise<boolean> | boolean;

export type RunningServer = {
  /** Where it listens, with the port it really got. */
  url: string;
  /** Not ready any more, no new connections, answers what is under way, closes. */
  close(): Promise<void>;
};

type StartInput = {
  config: Config;
  log?: Logger;
  /** Tried in order, before the 404 and after what is built in; /setup and the dashboard come in here. */
  routes?: readonly RouteHandler[];
};

/** What stands behind the routes and must be let go at the end. */
type Backend = { routes: readonly RouteHandler[]; close: () => Promise<void> };

/** How long a request under way may take once the process is asked to stop. */
const closeDeadlineMs = 12_000;

export async function startServer({
  config,
  log = createLogger(config, "server"),
  routes = [],
}: StartInput): Promise<RunningServer> {
  const state = { open: true };
  const backend = config.app === null ? withoutApp() : await openBackend(config, config.app, log, state);
  const handlers = [answerHealth, ...backend.routes, ...routes];
  const server = createServer(
    // The header and the whole body must come in while GitHub still waits for the answer.
    {
      headersTimeout: 10_000,
      requestTimeout: 10_000,
      connectionsCheckingInterval: 1_000,
      keepAliveTimeout: 65_000,
    },
  );
  const respond = (request: IncomingMessage, response: ServerResponse) => {
    // A connection that has become idle after the server stopped would hold it up until its keep-alive ends.
    response.on("close", () => state.open || setImmediate(() => server.closeIdleConnections()));
    void route(handlers, log, request, response);
  };
  server.on("request", respond);
  server.on("checkContinue", (request, response) => {
    // A sender that asks first is told to go on only if its body may be as large as it says.
    if ((declaredLength(request) ?? 0) <= maxBodyBytes) response.writeContinue();
    respond(request, response);
  });
  const url = await listen(server, config.server);
  const stopSmee =
    config.server.webhookProxyUrl === null
      ? null
      : await startSmee({ source: config.server.webhookProxyUrl, target: `${url}${inboxPath}`, log });
  log.info({ url, setup: config.app === null }, "the server listens");
  return {
    url,
    async close() {
      state.open = false;
      await stopSmee?.();
      await closeServer(server);
      await backend.close();
    },
  };
}

function withoutApp(): Backend {
  const refuse: RouteHandler = (request, response) => {
    if (pathOf(request) !== inboxPath) return false;
    answerProblem(response, 503, "No GitHub App is configured yet; open /setup.", { "retry-after": "300" });
    return true;
  };
  return { routes: [refuse], close: () => Promise.resolve() };
}

async function openBackend(
  config: Config,
  app: GitHubApp,
  log: Logger,
  state: { open: boolean },
): Promise<Backend> {
  if (config.databaseUrl === null) {
    throw new UserError(
      "database-url-missing",
      "The server on its own needs a database, and DATABASE_URL is not set.",
      "Set DATABASE_URL, or run npm start, which brings its own PostgreSQL.",
    );
  }
  const url = config.databaseUrl;
  const database = openDatabase({ url, log });
  const queue = await openQueue({ url, log, mode: "send" });
  const metrics = createMetrics({ queue });
  const inbox = createInbox({
    config: { secrets: app.webhookSecrets, triggerLabel: config.triggerLabel },
    openStore: () => openDeliveryStore({ url, system: database.system, queue }),
    log,
    clock: systemClock,
    onAnswered: metrics.recordDelivery,
  });
  const receive: RouteHandler = async (request, response) => {
    if (pathOf(request) !== inboxPath) return false;
    await inbox.handle(request, response);
    return true;
  };
  return {
    routes: [
      receive,
      createHealth({ system: database.system, queue, metrics, log, isOpen: () => state.open }),
    ],
    async close() {
      await inbox.close();
      await Promise.all([queue.stop(), database.close()]);
    },
  };
}

const pathOf = (request: IncomingMessage) => request.url?.split("?", 1)[0];

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

async function listen(server: Server, { host, port }: Config["server"]): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(port, host, () => resolve());
  });
  const address = server.address() as AddressInfo;
  const shown = host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host;
  return `http://${shown.includes(":") ? `[${shown}]` : shown}:${address.port}`;
}

async function closeServer(server: Server): Promise<void> {
  const timer = setTimeout(() => server.closeAllConnections(), closeDeadlineMs);
  await new Promise<void>((resolve) => server.close(() => resolve()));
  clearTimeout(timer);
}

if (isMain(import.meta.url)) {
  await runProcess("server", async () => {
    const config = readConfig(readSettings(".env", process.env));
    const server = config.app === null ? await startSetup(config) : await startServer({ config });
    return { stop: () => server.close() };
  });
}

/** Without an App there is only /setup, whose address is for the operator's eyes and never for the log. */
async function startSetup(config: Config): Promise<RunningServer> {
  const setup = createSetup({
    config,
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
