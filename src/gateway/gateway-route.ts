import type { IncomingMessage, ServerResponse } from "node:http";
import { admitTurn, type Admission } from "./admit-turn.ts";
import { sendApiError, type ApiError } from "./api-error.ts";
import { createCallCount, type CallCount } from "./call-count.ts";
import { callerAddress } from "./caller-address.ts";
import type { GatewayDeps } from "./gateway-deps.ts";
import { createGatewayHandler, type GatewayOptions } from "./gateway-handler.ts";
import { readAgentToken } from "./read-token.ts";
import { createTokenTries, type TokenTries } from "./token-tries.ts";

export type GatewayRoute = {
  /** Answers what is below `gatewayPrefix` and says so; leaves everything else alone. */
  handle: (request: IncomingMessage, response: ServerResponse) => boolean;
  /** Resolves once every call has ended and is settled; the listener ends its connections before. */
  close: () => Promise<void>;
};

type RouteDeps = GatewayDeps & {
  /** Once false, calls under way go on and new ones are asked to come again. */
  isOpen: () => boolean;
};

type RouteOptions = Pick<GatewayOptions, "bodyMemoryBytes"> & {
  /** How long a sender or a reader may stand still. */
  stillMs?: number;
};

export const gatewayPrefix = "/gateway/";

const taskPath = /^\/gateway\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(\/.*)$/;

/** The largest body that the API takes; one task may have one of these, or many small ones. */
const taskBodyBytes = 32 * 1024 * 1024;

/** What an agent with all its helpers does not reach. */
const limits = { total: 1_000, perTask: 64 };

const defaultStillMs = 30_000;

/**
 * The gateway for sandboxes elsewhere: `POST /gateway/<task id>/v1/messages` and `…/count_tokens` on a listener that
 * everybody can reach. It proxies nothing else.
 */
export function createGatewayRoute(deps: RouteDeps, options: RouteOptions = {}): GatewayRoute {
  const { stillMs = defaultStillMs, ...rest } = options;
  const handler = createGatewayHandler(deps, { ...rest, taskBodyBytes });
  const door: Door = { ...deps, tries: createTokenTries(deps), calls: createCallCount(limits) };
  return {
    handle: (request, response) => {
      const url = String(request.url);
      if (!url.startsWith(gatewayPrefix)) return false;
      // Each step of a call listens for its end, a few more of them here than on a socket.
      response.setMaxListeners(20);
      forbidBuffering(response);
      endWhenStill(request, response, stillMs);
      const [, taskId, path] = taskPath.exec(url) ?? [];
      if (!deps.isOpen()) sendApiError(response, closing);
      else if (taskId === undefined || path === undefined) sendApiError(response, notFound);
      else {
        request.url = path;
        handler.onModelRequest(request, response, () => admit(door, { taskId, request, response }));
      }
      return true;
    },
    close: () => handler.close(),
  };
}

type Door = RouteDeps & { tries: TokenTries; calls: CallCount };

async function admit(
  { tries, calls, ...deps }: Door,
  { taskId, request, response }: { taskId: string; request: IncomingMessage; response: ServerResponse },
): Promise<Admission> {
  const token = readAgentToken(request.headers);
  const attempt = { address: callerAddress(request), token };
  if (!tries.allows(attempt)) return { ok: false, error: tooManyTries };
  const admission = await admitTurn(deps, { token, taskId });
  tries.record(attempt, admission.ok ? "good" : "bad");
  if (!admission.ok || calls.enter(taskId, response)) return admission;
  return { ok: false, error: tooManyCalls };
}

/** For a proxy in front: an answer is words as they come, and nobody's to keep. */
function forbidBuffering(response: ServerResponse): void {
  response.setHeader("x-accel-buffering", "no");
  response.setHeader("cache-control", "no-store, no-transform");
}

/** A connection may be still while the model thinks; not while its body is to come, or while it does not take its answer. */
function endWhenStill(request: IncomingMessage, response: ServerResponse, stillMs: number): void {
  response.setTimeout(stillMs, () => {
    if (!request.complete || response.writableLength > 0) response.destroy();
  });
}

const closing: ApiError = {
  status: 503,
  type: "api_error",
  message: "This server is being stopped; the next one takes the call.",
  retryAfterSeconds: 2,
};

const notFound: ApiError = {
  status: 404,
  type: "not_found_error",
  message: `Expected POST ${gatewayPrefix}<task id>/v1/messages or …/v1/messages/count_tokens.`,
};

const tooManyTries: ApiError = {
  status: 429,
  type: "rate_limit_error",
  message: "Too many calls with tokens that nobody knows came from this address.",
  retryAfterSeconds: 5,
};

const tooManyCalls: ApiError = {
  status: 429,
  type: "rate_limit_error",
  message: `At most ${limits.perTask} calls of one task may be under way here, and ${limits.total} in all.`,
  retryAfterSeconds: 2,
};
