import type { IncomingMessage, ServerResponse } from "node:http";
import { buffer } from "node:stream/consumers";
import { setTimeout as wait } from "node:timers/promises";
import { answer } from "./answer.ts";
import type { Answer } from "./answer.ts";
import type { StripeFault } from "./faults.ts";
import { findRoute } from "./read-slice.ts";
import { errorBody } from "./stripe-error.ts";
import type { Refusal } from "./stripe-error.ts";
import { newId } from "./world.ts";
import type { StripeRequest, World } from "./world.ts";

/** Takes one request: reads it, lets it fail where a fault says so, and answers. */
export async function serve(world: World, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const method = request.method ?? "GET";
  const url = new URL(request.url ?? "/", "http://stripe.local");
  const body = (await buffer(request)).toString("utf8");
  const route = findRoute(method, url.pathname);
  const key = request.headers["idempotency-key"];
  const record: StripeRequest = {
    method,
    url: request.url ?? "/",
    operation: route?.operation.name ?? null,
    params: {},
    headers: request.headers,
    idempotencyKey: typeof key === "string" ? key : null,
    requestId: newId("req").slice(0, 18),
    status: null,
    replayed: false,
  };
  world.requests.push(record);
  const name = record.operation ?? "";
  const before = world.faults.take("before", name);
  if (before !== null && !(await survives(before, { world, request, response, record }))) return;
  const after = world.faults.take("after", name);
  const failing = [before, after].find(
    (fault) => fault !== null && "status" in fault && fault.status === 500,
  );
  const given = await answer(
    world,
    record,
    { route, url, body, headers: request.headers },
    {
      // A 500 of Stripe's is kept under its key like any outcome, with the effect or without it.
      instead:
        failing === undefined || failing === null
          ? null
          : { when: failing.when, refusal: refusalOf(failing) },
    },
  );
  if (after !== null && !(await survives(after, { world, request, response, record }))) return;
  send(response, world, record, given);
}

type Exchange = { world: World; request: IncomingMessage; response: ServerResponse; record: StripeRequest };

/** Does what the fault says; false when there is nothing more to answer. */
async function survives(
  fault: StripeFault,
  { world, request, response, record }: Exchange,
): Promise<boolean> {
  if ("slowMs" in fault) {
    await wait(fault.slowMs);
    return true;
  }
  if ("reset" in fault) {
    request.socket.destroy();
    return false;
  }
  if ("hang" in fault) return false;
  if (fault.status === 500) return true;
  const refusal = refusalOf(fault);
  send(response, world, record, {
    status: refusal.status,
    body: JSON.stringify(errorBody(refusal, record.requestId)),
    requestId: record.requestId,
    ...(refusal.shouldRetry === undefined ? {} : { shouldRetry: refusal.shouldRetry }),
  });
  return false;
}

function refusalOf(fault: StripeFault): Refusal {
  const status = "status" in fault ? fault.status : 500;
  const shouldRetry = "status" in fault ? fault.shouldRetry : undefined;
  const limited = status === 429;
  return {
    status,
    type: limited ? "rate_limit_error" : "api_error",
    ...(limited ? { code: "rate_limit" } : {}),
    message: limited
      ? "Request rate limit exceeded. Learn more about rate limits here https://stripe.com/docs/rate-limits."
      : "Sorry! There was an error while talking to one of our backends.",
    ...(shouldRetry === undefined ? {} : { shouldRetry }),
  };
}

function send(response: ServerResponse, world: World, record: StripeRequest, given: Answer): void {
  record.status = given.status;
  record.replayed = given.replayed === true;
  response.writeHead(given.status, {
    "content-type": given.broken === true ? "text/plain" : "application/json",
    "request-id": record.requestId,
    "stripe-version": world.apiVersion,
    ...(record.idempotencyKey === null ? {} : { "idempotency-key": record.idempotencyKey }),
    ...(given.replayed === true
      ? { "idempotent-replayed": "true", "original-request": given.requestId }
      : { "original-request": record.requestId }),
    ...(given.shouldRetry === undefined ? {} : { "stripe-should-retry": String(given.shouldRetry) }),
  });
  response.end(given.body);
}
