import type { IncomingHttpHeaders } from "node:http";
import { setImmediate as turn } from "node:timers/promises";
import type { Handler } from "./call.ts";
import { catalogue } from "./catalogue.ts";
import { checkHeaders } from "./check-headers.ts";
import { checkout } from "./checkout.ts";
import { customers } from "./customers.ts";
import { disputes } from "./disputes.ts";
import { endpoints } from "./endpoints.ts";
import { invoices } from "./invoices.ts";
import { judgeParams } from "./judge.ts";
import { isObject, text } from "./json.ts";
import type { JsonObject } from "./json.ts";
import { listPage } from "./list-page.ts";
import { customerOf, meterEvents } from "./meter-events.ts";
import { meters } from "./meters.ts";
import { settle } from "./pass-time.ts";
import { portal } from "./portal.ts";
import { present } from "./present.ts";
import { readForm } from "./read-form.ts";
import type { Route } from "./read-slice.ts";
import { faultsOf } from "./shape-object.ts";
import { StripeRefusal, errorBody, invalid } from "./stripe-error.ts";
import type { Refusal } from "./stripe-error.ts";
import { subscriptions } from "./subscriptions.ts";
import type { StripeRequest, World } from "./world.ts";

export type Answer = {
  status: number;
  body: string;
  requestId: string;
  replayed?: boolean;
  shouldRetry?: boolean;
  /** The stand-in itself failed: nothing that could be taken for Stripe. */
  broken?: boolean;
};

/** Every operation that is answered, by the SDK's name. */
export const handlers: Readonly<Record<string, Handler>> = {
  ...customers,
  ...disputes,
  ...catalogue,
  ...meters,
  ...meterEvents,
  ...checkout,
  ...portal,
  ...subscriptions,
  ...invoices,
  ...endpoints,
};

export type Wire = { route: Route | undefined; url: URL; body: string; headers: IncomingHttpHeaders };
type Instead = { when: "before" | "after"; refusal: Refusal };

/** Answers a request as Stripe does; `instead` is a 500 that comes before or after the effect. */
export async function answer(
  world: World,
  record: StripeRequest,
  wire: Wire,
  { instead }: { instead: Instead | null },
): Promise<Answer> {
  const { requestId } = record;
  try {
    const route = admit(world, wire);
    const isWrite =
      record.method === "POST" || (record.method === "DELETE" && wire.url.pathname.startsWith("/v2/"));
    const key = isWrite ? record.idempotencyKey : null;
    const kept = key === null ? null : world.keys.begin(key, `${record.method} ${record.url} ${wire.body}`);
    if (kept !== null) return { ...kept, replayed: true };
    let given: Answer | null = null;
    try {
      given = await act(world, record, { ...wire, route }, instead);
      return given;
    } catch (error) {
      given = refusalAnswer(world, error, requestId);
      return given;
    } finally {
      // Stripe keeps outcomes of what began: refusals of the request itself are forgotten.
      const keeps =
        given !== null && given.broken !== true && (given.status < 300 || [402, 500].includes(given.status));
      if (key !== null) world.keys.end(key, keeps ? given : null);
    }
  } catch (error) {
    return refusalAnswer(world, error, requestId);
  }
}

/** Key, route and headers, in the order that Stripe minds them. */
function admit(world: World, { route, url, body, headers }: Wire): Route {
  const bearer = /^Bearer (.*)$/.exec(headers.authorization ?? "")?.[1] ?? "";
  if (bearer !== world.apiKey) {
    const shown = bearer === "" ? "" : `: ${bearer.slice(0, 8)}****`;
    const message = bearer === "" ? "You did not provide an API key." : `Invalid API Key provided${shown}`;
    throw new StripeRefusal({ status: 401, type: "invalid_request_error", message });
  }
  if (route === undefined) {
    throw new StripeRefusal({
      status: 404,
      type: "invalid_request_error",
      message: `Unrecognized request URL (${url.pathname}). Please see https://stripe.com/docs or we can help at https://support.stripe.com/.`,
      violation: `no such operation: ${url.pathname}`,
    });
  }
  if (world.allowed?.has(route.operation.name) === false) {
    throw new StripeRefusal({
      status: 403,
      type: "invalid_request_error",
      message: `The provided key '${bearer.slice(0, 8)}****' does not have the required permissions for this endpoint.`,
    });
  }
  const v2 = url.pathname.startsWith("/v2/");
  const wrong = checkHeaders(headers, { apiVersion: world.apiVersion, v2, hasBody: body !== "" });
  if (wrong !== null) {
    throw new StripeRefusal({ status: 400, type: "invalid_request_error", message: wrong, violation: wrong });
  }
  return route;
}

async function act(
  world: World,
  record: StripeRequest,
  wire: Wire & { route: Route },
  instead: Instead | null,
): Promise<Answer> {
  const { operation, ids } = wire.route;
  const params = readParams(world, record, wire);
  record.params = params;
  const unlock = lockMeter(world, operation.name, params);
  try {
    // Others may come in between, as with Stripe; whoever holds the same customer or key then learns of it.
    await turn();
    await world.gates.pass(operation.name);
    if (instead?.when === "before") throw new StripeRefusal(instead.refusal);
    settle(world);
    const handler = handlers[operation.name];
    if (handler === undefined) throw new Error(`The stand-in has no handler for ${operation.name}.`);
    const result = handler({ world, params, id: ids[0] ?? "", requestId: record.requestId });
    const shown = show(world, { result, params, path: wire.url.pathname });
    const items = Array.isArray(result) ? shown["data"] : [shown];
    const faults = (Array.isArray(items) ? items : []).flatMap((one) =>
      faultsOf(operation.answer.of, one, operation.name),
    );
    if (faults.length > 0) throw new Error(`The answer is not as the SDK declares it: ${faults.join("; ")}`);
    if (instead?.when === "after") throw new StripeRefusal(instead.refusal);
    return { status: 200, body: JSON.stringify(shown), requestId: record.requestId };
  } finally {
    unlock();
  }
}

function readParams(
  world: World,
  record: StripeRequest,
  { route, url, body }: Wire & { route: Route },
): JsonObject {
  const isForm = !url.pathname.startsWith("/v2/") || record.method === "GET";
  const inQuery = record.method === "GET" || record.method === "DELETE";
  const raw = inQuery ? readForm(url.search.slice(1)) : isForm ? readForm(body) : readJson(body);
  if (!inQuery && url.search !== "") {
    throw new StripeRefusal({
      status: 400,
      type: "invalid_request_error",
      message: "A POST takes its parameters in the body.",
      violation: `${record.url} has a query`,
    });
  }
  const { value, problems } = judgeParams(route.operation.params, raw, isForm);
  const [first] = problems;
  if (first === undefined) return value;
  world.violations.push(
    ...problems.map(({ param, message }) => `${route.operation.name} ${param}: ${message}`),
  );
  throw invalid(first.message, {
    param: first.param,
    ...(first.code === undefined ? {} : { code: first.code }),
  });
}

function readJson(body: string): JsonObject {
  const parsed: unknown = body === "" ? {} : JSON.parse(body);
  if (!isObject(parsed)) throw invalid("The body must be a JSON object.");
  return parsed;
}

/** Stripe takes one call at a time for a customer and a meter. */
function lockMeter(world: World, operation: string, params: JsonObject): () => void {
  const customer = operation === "Billing/MeterEvents.create" ? customerOf(world, params) : null;
  if (customer === null) return () => undefined;
  const lock = `${customer} ${text(params, "event_name")}`;
  if (world.metering.has(lock)) {
    throw new StripeRefusal({
      status: 429,
      type: "invalid_request_error",
      code: "lock_timeout",
      message:
        "This object cannot be accessed right now because another API request or Stripe process is currently accessing it.",
      shouldRetry: true,
    });
  }
  world.metering.add(lock);
  return () => world.metering.delete(lock);
}

function show(
  world: World,
  call: { result: JsonObject | JsonObject[]; params: JsonObject; path: string },
): JsonObject {
  const { result, params, path } = call;
  if (Array.isArray(result)) {
    if (path.startsWith("/v2/")) return { data: result, next_page_url: null, previous_page_url: null };
    return listPage(world, result, { path, params });
  }
  const expand = Array.isArray(params["expand"]) ? params["expand"].map(String) : [];
  return present(world, result, expand);
}

function refusalAnswer(world: World, error: unknown, requestId: string): Answer {
  if (!(error instanceof StripeRefusal)) {
    const said = error instanceof Error ? (error.stack ?? error.message) : String(error);
    world.violations.push(`the stand-in itself failed: ${said}`);
    return { status: 500, body: `Stripe stand-in: ${said}`, requestId, shouldRetry: false, broken: true };
  }
  const { refusal } = error;
  if (refusal.violation !== undefined) world.violations.push(refusal.violation);
  return {
    status: refusal.status,
    body: JSON.stringify(errorBody(refusal, requestId)),
    requestId,
    ...(refusal.shouldRetry === undefined ? {} : { shouldRetry: refusal.shouldRetry }),
  };
}
