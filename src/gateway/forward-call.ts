import { request as httpRequest, type Agent, type IncomingMessage, type ServerResponse } from "node:http";
import { request as httpsRequest } from "node:https";
import { pipeline } from "node:stream/promises";
import { sendApiError } from "./api-error.ts";
import { endToEndHeaders } from "./forward-headers.ts";
import { createUsageMeter, type UsageMeter } from "./usage-meter.ts";

/** How a forwarded call ended. */
export type Forwarded =
  /** The agent had gone before anything was sent. */
  | { kind: "unsent" }
  /** The model could not be reached, and the agent was told so. */
  | { kind: "unreachable" }
  /** The agent went away before the model answered. */
  | { kind: "abandoned" }
  /** `complete`: the model said all it had to say. `meter` is null for an answer that it cannot read. */
  | { kind: "answered"; httpStatus: number; complete: boolean; meter: UsageMeter | null };

/** A model that is silent for so long, pings included, is gone. */
const silenceTimeoutMs = 15 * 60_000;

/**
 * Sends the body on and the answer back, byte for byte as it comes, no faster than the agent takes it. The call to
 * the model is broken off when the agent leaves. Resolves when both sides are done, whatever happened.
 */
export async function forwardCall(
  response: ServerResponse,
  input: { url: URL; agent: Agent; headers: Record<string, string | string[]>; body: Buffer },
): Promise<Forwarded> {
  if (response.destroyed) return { kind: "unsent" };
  const leaving = new AbortController();
  response.once("close", () => {
    if (!response.writableFinished) leaving.abort();
  });
  let answer: IncomingMessage;
  try {
    answer = await call(input, leaving.signal);
  } catch (error) {
    if (leaving.signal.aborted) return { kind: "abandoned" };
    sendApiError(response, unreachable(error));
    return { kind: "unreachable" };
  }
  return await passOn(answer, response);
}

async function call(input: Parameters<typeof forwardCall>[1], signal: AbortSignal): Promise<IncomingMessage> {
  const start = input.url.protocol === "https:" ? httpsRequest : httpRequest;
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const request = start(input.url, {
    method: "POST",
    agent: input.agent,
    headers: input.headers,
    signal,
    timeout: silenceTimeoutMs,
  });
  request.on("timeout", () =>
    request.destroy(new Error(`nothing came for ${silenceTimeoutMs / 60_000} minutes`)),
  );
  request.once("response", resolve);
  // Later errors are the answer's to report.
  request.on("error", reject);
  request.end(input.body);
  return promise;
}

async function passOn(answer: IncomingMessage, response: ServerResponse): Promise<Forwarded> {
  const encoded = (answer.headers["content-encoding"] ?? "identity") !== "identity";
  const meter = encoded ? null : createUsageMeter(answer.headers["content-type"]);
  const httpStatus = answer.statusCode ?? 502;
  const headers = endToEndHeaders(answer.headers);
  delete headers["set-cookie"];
  response.writeHead(httpStatus, headers);
  response.flushHeaders();
  answer.on("data", (chunk: Buffer) => meter?.push(chunk));
  try {
    await pipeline(answer, response);
  } catch {
    // One of the two sides broke off, and pipeline has ended the other; what passed until then is in the meter.
    return { kind: "answered", httpStatus, complete: false, meter };
  }
  return { kind: "answered", httpStatus, complete: true, meter };
}

function unreachable(error: unknown) {
  const reason = error instanceof Error && "code" in error ? String(error.code) : "no answer";
  return {
    status: 502,
    type: "api_error",
    message: `The gateway expected an answer of the model's API, got none (${reason}).`,
    retryAfterSeconds: 1,
  };
}
