import type { IncomingMessage, ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import type { FaultAction } from "../e2b/faults.ts";
import { answerControl, violate } from "./control.ts";
import { Refusal, refusalBody } from "./refusal.ts";
import { answerToolbox } from "./toolbox.ts";
import type { Call, World } from "./world.ts";

/** Answers one request of the SDK, or fails as it was told to. */
export async function serve(world: World, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? "/", "http://standin");
  const { method = "GET" } = request;
  const path = url.pathname + url.search;
  const call: Call = { method, path, status: 0, body: null };
  world.calls.push(call);
  const before = world.faults.take("before", { method, path });
  if (before !== undefined) {
    fail(before, { call, request, response });
    return;
  }
  let answer: { status: number; body: unknown } | "streamed";
  try {
    checkHeaders(world, request);
    answer = await route(world, { url, method, request, response, call });
  } catch (error) {
    // A client that breaks off in the middle is its own business.
    if (request.destroyed && !request.complete) return;
    const status = error instanceof Refusal ? error.status : 500;
    if (status === 500) violate(world, `the stand-in itself failed at ${method} ${path}: ${String(error)}`);
    answer = {
      status,
      body: refusalBody(path, status, error instanceof Error ? error.message : String(error)),
    };
  }
  const after = world.faults.take("after", { method, path });
  if (after !== undefined) fail(after, { call, request, response });
  else if (answer === "streamed") call.status = 200;
  else send(response, call, answer);
}

async function route(
  world: World,
  input: { url: URL; method: string; request: IncomingMessage; response: ServerResponse; call: Call },
): Promise<{ status: number; body: unknown } | "streamed"> {
  const { url, method, request, response, call } = input;
  const toolbox = /^\/toolbox\/([^/]+)(\/.*)$/.exec(url.pathname);
  let answer = null;
  if (toolbox !== null) {
    const machine = world.machines.get(toolbox[1] ?? "");
    if (machine === undefined) throw new Refusal(404, "sandbox not found");
    if (machine.host === null) throw new Refusal(400, "bad request: the sandbox is not started");
    machine.record.lastActivityAt = world.clock().getTime();
    answer = await answerToolbox(world, { machine, method, path: toolbox[2] ?? "", request, response });
  } else if (url.pathname.startsWith("/api/")) {
    const said = await text(request);
    call.body = said === "" ? null : (JSON.parse(said) as unknown);
    answer = await answerControl(world, {
      ...{ method, path: url.pathname.slice("/api".length), query: url.searchParams, body: call.body },
    });
  }
  if (answer !== null) return answer;
  violate(world, `no route for ${method} ${url.pathname}`);
  throw new Refusal(404, `Cannot ${method} ${url.pathname}`);
}

const known: Readonly<Record<string, RegExp>> = {
  authorization: /^Bearer .+$/,
  "x-daytona-source": /^sdk-typescript$/,
  "x-daytona-sdk-version": /^0\.216\.0$/,
  "user-agent": /^sdk-typescript\/0\.216\.0$/,
  accept: /./,
  "accept-encoding": /./,
  "content-type":
    /^(application\/json|multipart\/form-data; ?boundary=.+|application\/x-www-form-urlencoded)/,
  "content-length": /^\d+$/,
  "transfer-encoding": /^chunked$/,
  connection: /./,
  host: /./,
};
const required = ["authorization", "x-daytona-source", "x-daytona-sdk-version", "user-agent"] as const;

function checkHeaders(world: World, { headers }: IncomingMessage): void {
  for (const [name, value] of Object.entries(headers)) {
    if (known[name]?.test(String(value)) !== true) violate(world, `the header ${name}: ${String(value)}`);
  }
  for (const name of required) if (headers[name] === undefined) violate(world, `no header ${name}`);
  if (headers.authorization !== `Bearer ${world.apiKey}`) throw new Refusal(401, "Invalid credentials");
}

function send(
  response: ServerResponse,
  call: Call,
  { status, body }: { status: number; body: unknown },
): void {
  call.status = status;
  response.writeHead(status, { "content-type": "application/json; charset=utf-8" });
  response.end(body === "" ? "" : JSON.stringify(body));
}

function fail(
  action: FaultAction,
  { call, request, response }: { call: Call; request: IncomingMessage; response: ServerResponse },
): void {
  if (action === "hang") return;
  if (action === "reset") {
    request.socket.destroy();
    return;
  }
  for (const [name, value] of Object.entries(action.headers ?? {})) response.setHeader(name, value);
  send(response, call, {
    status: action.status,
    body: action.body ?? refusalBody(call.path, action.status, "a fault of the stand-in"),
  });
}
