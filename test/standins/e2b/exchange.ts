import type { IncomingMessage, ServerResponse } from "node:http";
import type { FaultAction } from "./faults.ts";
import type { Call, World } from "./world.ts";

/** One request on its way to an answer. */
export type Exchange = {
  world: World;
  door: "api" | "envd";
  incoming: IncomingMessage;
  response: ServerResponse;
  url: URL;
  call: Call;
  /** What is to happen in the answer's place after the request has acted. */
  after: FaultAction | undefined;
};

/** Sends JSON, or no body at all. */
export function answer(
  response: ServerResponse,
  status: number,
  body?: unknown,
  headers: Record<string, string> = {},
): void {
  if (body === undefined) {
    response.writeHead(status, headers);
    response.end();
    return;
  }
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(JSON.stringify(body));
}

/** Lets a fault happen in the answer's place. */
export function strike(exchange: Exchange, action: FaultAction): void {
  const { incoming, response } = exchange;
  incoming.resume();
  if (action === "hang") return;
  if (action === "reset") {
    response.socket?.resetAndDestroy();
    return;
  }
  const { status, headers, body = { code: status, message: `injected fault ${status}` } } = action;
  answer(response, status, body, headers);
}
