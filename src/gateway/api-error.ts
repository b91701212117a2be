import type { ServerResponse } from "node:http";

export type ApiError = {
  status: number;
  /** One of the error types of the Messages API. */
  type: string;
  message: string;
  /** Absent: Claude Code does not try the same call again. */
  retryAfterSeconds?: number;
};

/** Answers in the shape of the Messages API, so that the agent's harness shows the message as it is. */
export function sendApiError(response: ServerResponse, error: ApiError): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const retry =
    error.retryAfterSeconds === undefined
      ? { "x-should-retry": "false" }
      : { "retry-after": String(error.retryAfterSeconds) };
  response.writeHead(error.status, { "content-type": "application/json", ...retry });
  response.end(JSON.stringify({ type: "error", error: { type: error.type, message: error.message } }));
}
