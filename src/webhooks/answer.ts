import { STATUS_CODES, type IncomingMessage, type OutgoingHttpHeaders, type ServerResponse } from "node:http";

export function answerJson(
  response: ServerResponse,
  status: number,
  value: object,
  headers: OutgoingHttpHeaders = {},
): void {
  send(response, status, value, { "content-type": "application/json", ...headers });
}

/** An error as RFC 9457 has it: what was expected, what came, what to do. */
export function answerProblem(
  response: ServerResponse,
  status: number,
  detail: string,
  headers: OutgoingHttpHeaders = {},
): void {
  const problem = { type: "about:blank", title: STATUS_CODES[status] ?? "Error", status, detail };
  send(response, status, problem, { "content-type": "application/problem+json", ...headers });
}

/** How long a sender may go on with a body that nobody reads. */
const lingerMs = 2_000;

/**
 * Refuses a request whose body has not come in. What still comes is thrown away for a while, because closing at
 * once, as node does for a sender that wants its connection closed, would reset it and lose the answer.
 */
export function refuseUnread(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  detail: string,
): void {
  const unread = !request.complete;
  if (unread) response.shouldKeepAlive = true;
  answerProblem(response, status, detail, status === 503 ? { "retry-after": "60" } : {});
  if (!unread) return;
  request.resume();
  const timer = setTimeout(() => request.destroy(), lingerMs);
  request.once("end", () => clearTimeout(timer)).once("close", () => clearTimeout(timer));
}

function send(response: ServerResponse, status: number, value: object, headers: OutgoingHttpHeaders): void {
  if (response.headersSent || response.destroyed) return;
  const body = JSON.stringify(value);
  // As a string, so that node writes head and body in one piece.
  response.writeHead(status, { ...headers, "content-length": Buffer.byteLength(body) }).end(body);
}
