import { randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { z } from "zod";
import { findHeaderViolations, readKey } from "./check-headers.ts";
import { readConversation } from "./conversation.ts";
import {
  countTokensRequest,
  findContradiction,
  messagesRequest,
  type MessagesRequest,
  type Usage,
} from "./messages-request.ts";
import { countTokens, type PromptCache } from "./prompt-cache.ts";
import { answer, type Reply, type Scenario } from "./reply.ts";
import { usageOf, writeChunk, writeMessage } from "./write-reply.ts";

export type Api = {
  keys: readonly string[];
  scenario: Scenario;
  cache: PromptCache;
  violations: string[];
};

/** Answers one request as the Messages API would; resolves with what the answer counted, null for anything but a message. */
export async function answerRequest(
  api: Api,
  request: IncomingMessage,
  rawBody: Buffer,
  response: ServerResponse,
): Promise<Usage | null> {
  const known = `${String(request.method)} ${String(request.url).replace(/\?beta=true$/, "")}`;
  switch (known) {
    case "HEAD /":
    case "HEAD /api/hello":
      response.writeHead(200).end();
      return null;
    case "POST /v1/messages": {
      const body = admit(api, request, response, messagesRequest, rawBody);
      return body === null ? null : await answerMessages(api, body, response);
    }
    case "POST /v1/messages/count_tokens": {
      const body = admit(api, request, response, countTokensRequest, rawBody);
      if (body !== null) sendJson(response, 200, { input_tokens: countTokens(JSON.stringify(body)) });
      return null;
    }
    default:
      api.violations.push(`unknown route ${known}`);
      sendError(response, 501, "not_found_error", `This stand-in has no ${known}`);
      return null;
  }
}

/** The body, if the key is accepted and the request is one the real API would take; else it is answered and null. */
function admit<Body extends Pick<MessagesRequest, "messages" | "tools">>(
  api: Api,
  request: IncomingMessage,
  response: ServerResponse,
  schema: z.ZodType<Body>,
  rawBody: Buffer,
): Body | null {
  const key = readKey(request);
  if (key === null || !api.keys.includes(key)) {
    sendError(response, 401, "authentication_error", "invalid x-api-key");
    return null;
  }
  const parsed = schema.safeParse(parseJson(rawBody));
  const contradiction = parsed.success ? findContradiction(parsed.data) : z.prettifyError(parsed.error);
  const problems = [...findHeaderViolations(request), ...(contradiction === null ? [] : [contradiction])];
  if (parsed.success && problems.length === 0) return parsed.data;
  api.violations.push(...problems);
  sendError(response, 400, "invalid_request_error", problems.join("; "));
  return null;
}

async function answerMessages(
  api: Api,
  body: MessagesRequest,
  response: ServerResponse,
): Promise<Usage | null> {
  const reply = await chooseReply(api, body);
  switch (reply.kind) {
    case "hang":
      return null;
    case "error":
      sendError(response, reply.status, reply.type, reply.message, reply.headers ?? {});
      return null;
    case "bytes":
      response.writeHead(reply.status ?? 200, reply.headers ?? { "content-type": "text/event-stream" });
      for await (const chunk of reply.chunks) if (!(await writeChunk(response, chunk))) return null;
      response.end();
      return null;
    case "message": {
      const inputUsage = api.cache.count(body);
      const stream = body.stream ?? false;
      await writeMessage(response, reply, {
        model: body.model,
        stream,
        inputUsage,
        requestId: newRequestId(),
      });
      return usageOf(reply, inputUsage);
    }
  }
}

/** Calls without tools are the harness's own small questions (a title, a summary), not the conversation. */
async function chooseReply(api: Api, body: MessagesRequest): Promise<Reply> {
  if (body.tools !== undefined && body.tools.length > 0) return await api.scenario(readConversation(body));
  return answer(body.output_config?.format === undefined ? "Working on it" : '{"title":"Working on it"}');
}

function sendError(
  response: ServerResponse,
  status: number,
  type: string,
  message: string,
  headers: Record<string, string> = {},
): void {
  const requestId = newRequestId();
  const body = { type: "error", error: { type, message }, request_id: requestId };
  sendJson(response, status, body, { "request-id": requestId, ...headers });
}

function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(JSON.stringify(body));
}

function newRequestId(): string {
  return `req_${randomBytes(12).toString("hex")}`;
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
