import type { Agent, IncomingMessage, ServerResponse } from "node:http";
import { sendApiError, type ApiError } from "./api-error.ts";
import type { BodyMemory } from "./body-memory.ts";
import { toBudgetError } from "./budget-error.ts";
import { forwardCall } from "./forward-call.ts";
import { modelHeaders } from "./forward-headers.ts";
import type { GatewayDeps } from "./gateway-deps.ts";
import type { Reservation, Settlement } from "./model-call-store.ts";
import { readModelRequest, type ModelRequest } from "./model-request.ts";
import { readRequestBody } from "./request-body.ts";
import { reserveRoom } from "./reserve-room.ts";
import type { Settler } from "./settler.ts";
import { priceWorstCase, toSettlement } from "./settlement.ts";
import type { Turn } from "./turn.ts";

export type ModelGateway = GatewayDeps & { agent: Agent; settler: Settler; bodyMemory: BodyMemory };

/** The two routes of the Messages API that an agent needs. */
export type ModelRoute = "/v1/messages" | "/v1/messages/count_tokens";

/** What the API itself accepts. */
const maxBodyBytes = 32 * 1024 * 1024;

type Exchange = { turn: Turn; route: ModelRoute; request: IncomingMessage; response: ServerResponse };

/** One call of the model for a turn: read, reserved, forwarded with the real credential, settled. */
export async function serveModel(gateway: ModelGateway, exchange: Exchange): Promise<void> {
  const { request, response } = exchange;
  const { credential } = gateway.config.model;
  if (credential === null) {
    sendApiError(response, noCredential);
    return;
  }
  const memory = gateway.bodyMemory.shareOf(exchange.turn.taskId);
  const read = await readRequestBody(request, { memory, maxBytes: maxBodyBytes });
  if (!read.ok) {
    sendApiError(response, read.reason === "too-large" ? tooLarge : noMemory);
    return;
  }
  try {
    await serveBody(gateway, exchange, { body: read.body, credential });
  } finally {
    memory.give(read.body.length);
  }
}

async function serveBody(
  gateway: ModelGateway,
  exchange: Exchange,
  {
    body,
    credential,
  }: { body: Buffer; credential: NonNullable<ModelGateway["config"]["model"]["credential"]> },
): Promise<void> {
  const { request, response, route } = exchange;
  const read = readModelRequest(body);
  if (!read.ok) {
    sendApiError(response, toRequestError(read));
    return;
  }
  const forward = () =>
    forwardCall(response, {
      url: new URL(gateway.config.model.baseUrl + String(request.url)),
      agent: gateway.agent,
      headers: modelHeaders(request.headers, credential, body.length),
      body,
    });
  if (route === "/v1/messages/count_tokens") await forward();
  else if (read.request.maxTokens === 0) sendApiError(response, noMaxTokens);
  else await serveMetered(gateway, exchange, { request: read.request, forward });
}

async function serveMetered(
  gateway: ModelGateway,
  { turn, response }: Exchange,
  { request, forward }: { request: ModelRequest; forward: () => ReturnType<typeof forwardCall> },
): Promise<void> {
  const { model } = request;
  const reservedMicroUsd = priceWorstCase(gateway, request);
  // The call before this one may be over for the agent and not yet written.
  await gateway.settler.drain(turn.taskId);
  const leaving = new AbortController();
  response.once("close", () => leaving.abort());
  const { signal } = leaving;
  const reservation = await reserveRoom(gateway, { turn, model, reservedMicroUsd, signal });
  if (!reservation.ok) {
    refuse(gateway, { turn, response, reservation, reservedMicroUsd });
    return;
  }
  const { callId } = reservation;
  const since = performance.now();
  const forwarded = await forward();
  const elapsedMs = Math.round(performance.now() - since);
  const settlement = toSettlement(gateway, { request, reservedMicroUsd, forwarded, elapsedMs });
  logCall(gateway, { turn, callId, model, settlement, ended: forwarded.kind, elapsedMs });
  gateway.settler.settle({ turn, callId, settlement });
}

function refuse(
  { log }: Pick<GatewayDeps, "log">,
  refused: {
    turn: Turn;
    response: ServerResponse;
    reservation: Extract<Reservation, { ok: false }>;
    reservedMicroUsd: number;
  },
): void {
  const { turn, response, reservation, reservedMicroUsd } = refused;
  log.info(
    { taskId: turn.taskId, fence: turn.fence, ...reservation, reservedMicroUsd },
    "model call refused",
  );
  const over = reservation.reason === "budget" ? toBudgetError(reservation, reservedMicroUsd) : turnEnded;
  sendApiError(response, over);
}

function logCall(
  { log }: Pick<GatewayDeps, "log">,
  call: {
    turn: Turn;
    callId: string;
    model: string;
    settlement: Settlement;
    ended: string;
    elapsedMs: number;
  },
): void {
  const { turn, settlement, elapsedMs: durationMs, ...rest } = call;
  log.info({ taskId: turn.taskId, fence: turn.fence, ...rest, ...settlement, durationMs }, "model call");
}

function toRequestError(read: { reason: "invalid" | "forbidden"; message: string }): ApiError {
  if (read.reason === "invalid") {
    return { status: 400, type: "invalid_request_error", message: read.message };
  }
  return {
    status: 403,
    type: "permission_error",
    message: `The gateway expects calls that need nothing but the conversation itself, got ${read.message}. Work without it.`,
  };
}

/** The answer to a token whose turn is over. */
export const turnEnded: ApiError = {
  status: 403,
  type: "permission_error",
  message:
    "This turn is over: the task has ended, was cancelled or was taken over, so no more calls are made for it.",
};

const noCredential: ApiError = {
  status: 401,
  type: "authentication_error",
  message:
    "This server has no model credential. The operator sets ANTHROPIC_API_KEY (or CLAUDE_CODE_OAUTH_TOKEN) and starts it again.",
};

const tooLarge: ApiError = {
  status: 413,
  type: "request_too_large",
  message: `Expected a request of at most ${maxBodyBytes} bytes, got more.`,
};

const noMemory: ApiError = {
  status: 429,
  type: "rate_limit_error",
  message: "Too many bytes of model calls are under way at once; this one fits once others are done.",
  retryAfterSeconds: 2,
};

const noMaxTokens: ApiError = {
  status: 400,
  type: "invalid_request_error",
  message: "max_tokens: expected a whole number from 1 up, got none",
};
