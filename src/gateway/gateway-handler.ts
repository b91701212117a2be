import { lookup } from "node:dns/promises";
import { Agent as HttpAgent, type IncomingMessage, type ServerResponse } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { connect, type Socket } from "node:net";
import { toError } from "../errors.ts";
import { admitTurn, type Admission } from "./admit-turn.ts";
import { sendApiError } from "./api-error.ts";
import { createBodyMemory } from "./body-memory.ts";
import type { GatewayDeps } from "./gateway-deps.ts";
import { readAgentToken, readProxyToken } from "./read-token.ts";
import { answerSocket, answerText, servePlainHttp, serveTunnel, type EgressGateway } from "./serve-egress.ts";
import { serveModel, turnEnded, type ModelGateway, type ModelRoute } from "./serve-model.ts";
import { createSettler } from "./settler.ts";
import { findTurnByToken } from "./turn-token.ts";

/** Where the outside begins; tests bring their own. */
export type GatewayOptions = Partial<Pick<EgressGateway, "resolveHost" | "connectTo" | "onDenied">> & {
  /** What all bodies under way may take together. */
  bodyMemoryBytes?: number;
  /** What those of one task may take of it; all when absent. */
  taskBodyBytes?: number;
};

export type GatewayHandler = {
  /** Origin-form: the model. Absolute-form: plain HTTP to an allowed host. */
  onRequest: (request: IncomingMessage, response: ServerResponse) => void;
  /** Origin-form only: the model, for whom the listener itself lets in. */
  onModelRequest: (
    request: IncomingMessage,
    response: ServerResponse,
    admit: () => Promise<Admission>,
  ) => void;
  /** CONNECT: a tunnel to an allowed host. */
  onConnect: (request: IncomingMessage, socket: Socket, head: Buffer) => void;
  /** Resolves once every request has ended and every call is settled; the listener ends its connections before. */
  close: () => Promise<void>;
};

type Gateway = ModelGateway & EgressGateway;

/** Four of the largest bodies; what agents really send is below one megabyte. */
const defaultBodyMemoryBytes = 128 * 1024 * 1024;

/**
 * What a sandbox can reach, for a listener of any kind: the model by a turn's token, and the allowed hosts. It keeps
 * no state of its own; tokens, reservations and the meter are in PostgreSQL.
 */
export function createGatewayHandler(deps: GatewayDeps, options: GatewayOptions = {}): GatewayHandler {
  const Agent = deps.config.model.baseUrl.startsWith("https:") ? HttpsAgent : HttpAgent;
  const agent = new Agent({ keepAlive: true });
  const settler = createSettler(deps);
  const gateway: Gateway = {
    ...deps,
    agent,
    settler,
    bodyMemory: createBodyMemory({
      totalBytes: options.bodyMemoryBytes ?? defaultBodyMemoryBytes,
      taskBytes: options.taskBodyBytes,
    }),
    resolveHost: options.resolveHost ?? resolveAll,
    connectTo: options.connectTo ?? ((address, port) => connect(port, address)),
    onDenied: options.onDenied ?? (() => undefined),
  };
  const open = new Set<Promise<void>>();
  const keep = (serving: Promise<void>) => {
    const kept = serving.finally(() => open.delete(kept));
    open.add(kept);
  };
  const answer = (response: ServerResponse, serving: Promise<void>) =>
    keep(
      serving.catch((thrown: unknown) => {
        if (!response.destroyed) deps.log.error({ err: toError(thrown) }, "a request at the gateway failed");
        sendApiError(response, outOfOrder);
      }),
    );
  return {
    onRequest: (request, response) => {
      const admit = () => admitTurn(deps, { token: readAgentToken(request.headers), taskId: null });
      const serving = String(request.url).startsWith("/")
        ? serveOrigin(gateway, { request, response, admit })
        : serveProxied(gateway, request, response);
      answer(response, serving);
    },
    onModelRequest: (request, response, admit) =>
      answer(response, serveOrigin(gateway, { request, response, admit })),
    onConnect: (request, socket, head) => {
      keep(
        serveConnect(gateway, request, { socket, head }).catch((thrown: unknown) => {
          deps.log.error({ err: toError(thrown) }, "a tunnel at the gateway failed");
          socket.destroy();
        }),
      );
    },
    close: async () => {
      await Promise.all(open);
      await settler.drain();
      agent.destroy();
    },
  };
}

type OriginRequest = {
  request: IncomingMessage;
  response: ServerResponse;
  admit: () => Promise<Admission>;
};

async function serveOrigin(gateway: Gateway, { request, response, admit }: OriginRequest): Promise<void> {
  const route = findRoute(request);
  if (route === null) {
    sendApiError(response, notFound(request));
    return;
  }
  const admission = await admit();
  if (admission.ok) await serveModel(gateway, { turn: admission.turn, route, request, response });
  else sendApiError(response, admission.error);
}

function findRoute(request: IncomingMessage): ModelRoute | null {
  const [path] = String(request.url).split("?", 1);
  if (request.method !== "POST") return null;
  return path === "/v1/messages" || path === "/v1/messages/count_tokens" ? path : null;
}

async function serveProxied(
  gateway: Gateway,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const found = await findTurnByToken(gateway.system, readProxyToken(request.headers));
  if (found.ok) return servePlainHttp(gateway, { turn: found.turn, request, response });
  if (found.reason === "ended") {
    answerText(response, 403, turnEnded.message);
    return;
  }
  answerText(response, 407, needsToken, { "proxy-authenticate": 'Basic realm="gateway"' });
}

async function serveConnect(
  gateway: Gateway,
  request: IncomingMessage,
  { socket, head }: { socket: Socket; head: Buffer },
): Promise<void> {
  // An agent that leaves while its token is looked up must not end the process.
  socket.on("error", () => socket.destroy());
  const found = await findTurnByToken(gateway.system, readProxyToken(request.headers));
  if (found.ok)
    return serveTunnel(gateway, { turn: found.turn, authority: String(request.url), socket, head });
  if (found.reason === "ended") {
    answerSocket(socket, 403, turnEnded.message);
    return;
  }
  answerSocket(socket, 407, needsToken, 'proxy-authenticate: Basic realm="gateway"\r\n');
}

async function resolveAll(host: string): Promise<string[]> {
  const found = await lookup(host, { all: true });
  return found.map(({ address }) => address);
}

const needsToken = "Expected the turn's token as the proxy's password (user turn), got none that is known.";

const outOfOrder = {
  status: 503,
  type: "api_error",
  message: "The gateway cannot serve this call now; its log says why.",
  retryAfterSeconds: 2,
};

function notFound({ method, url }: IncomingMessage) {
  const [path = ""] = String(url).split("?", 1);
  return {
    status: 404,
    type: "not_found_error",
    message: `Expected POST /v1/messages or /v1/messages/count_tokens, got ${String(method)} ${path.slice(0, 200)}.`,
  };
}
