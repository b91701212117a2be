import type { IncomingMessage, ServerResponse } from "node:http";
import { ZodError } from "zod";
import { serveApi } from "./api-routes.ts";
import { checkHeaders } from "./check-headers.ts";
import { ConnectError } from "./connect-stream.ts";
import { serveEnvd } from "./envd-routes.ts";
import { answer, strike, type Exchange } from "./exchange.ts";
import { endExpired } from "./lifecycle.ts";
import { Refusal } from "./refusal.ts";
import type { Call, World } from "./world.ts";

/** Answers one request of either door and keeps what came in; never rejects. */
export async function serve(
  world: World,
  input: { door: "api" | "envd"; incoming: IncomingMessage; response: ServerResponse },
): Promise<void> {
  const { incoming, response } = input;
  const [method, path] = [incoming.method ?? "", incoming.url ?? "/"];
  const url = new URL(path, "http://stand-in.invalid");
  const call = noteCall(world, { method, path, response });
  const exchange: Exchange = { world, ...input, url, call, after: undefined };
  try {
    const before = world.faults.take("before", { method, path });
    if (before !== undefined) {
      strike(exchange, before);
      return;
    }
    exchange.after = world.faults.take("after", { method, path });
    checkHeaders(input.door, incoming.headers);
    await endExpired(world);
    if (input.door === "envd") await serveEnvd(exchange);
    else await serveControlPlane(exchange);
  } catch (error) {
    fail(exchange, error);
  }
}

/** Keeps the call; its status is there as soon as the answer has begun, and stays when the response is gone. */
function noteCall(
  world: World,
  { method, path, response }: Pick<Call, "method" | "path"> & { response: ServerResponse },
): Call {
  const status = () => (response.headersSent ? response.statusCode : 0);
  const call: Call = { method, path, status: 0, at: world.clock(), sandboxId: null };
  Object.defineProperty(call, "status", { get: status, configurable: true, enumerable: true });
  response.once("close", () => {
    Object.defineProperty(call, "status", { value: status(), enumerable: true });
  });
  world.calls.push(call);
  return call;
}

async function serveControlPlane(exchange: Exchange): Promise<void> {
  exchange.call.sandboxId = /\/sandboxes\/([^/]+)/.exec(exchange.url.pathname)?.[1] ?? null;
  const { status, body, headers } = await serveApi(exchange);
  if (exchange.after === undefined) answer(exchange.response, status, body, headers);
  else strike(exchange, exchange.after);
}

function fail({ world, incoming, response, call }: Exchange, error: unknown): void {
  // A caller that went away in the middle, or was cut off, is nobody's fault here.
  if (response.destroyed || incoming.socket.destroyed) return;
  const { status, code, message, violation } = judge(error);
  if (violation) world.violations.push(`${call.method} ${call.path}: ${message}`);
  if (response.headersSent) {
    response.destroy();
    return;
  }
  incoming.resume();
  answer(response, status, { code: code ?? status, message });
}

function judge(error: unknown): { status: number; code?: string; message: string; violation: boolean } {
  if (error instanceof Refusal) return error;
  if (error instanceof ConnectError) {
    const { status, code, message } = error;
    return { status, code, message, violation: false };
  }
  if (error instanceof ZodError) {
    const problems = error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
    return { status: 400, message: `invalid request: ${problems.join("; ")}`, violation: true };
  }
  if (error instanceof SyntaxError) return { status: 400, message: error.message, violation: true };
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { status: 500, message: `the stand-in itself failed: ${detail}`, violation: true };
}
