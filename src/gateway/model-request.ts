import { z } from "zod";

/** What the gateway has to know of a call; the rest passes unread. */
export type ModelRequest = {
  model: string;
  /** What the answer may have at most; 0 for a request that asks for no answer. */
  maxTokens: number;
  /** Upper estimate of the prompt's tokens. */
  maxInputTokens: number;
  /** Likely number of the prompt's tokens, for a call that breaks off before the model says it. */
  likelyInputTokens: number;
  /** The longest life that the prompt asks of its cache; null: it asks for none. */
  cacheTtl: "5m" | "1h" | null;
};

export type ReadRequest =
  { ok: true; request: ModelRequest } | { ok: false; reason: "invalid" | "forbidden"; message: string };

const requestBody = z.looseObject({
  model: z.string().regex(/^[\w.:@/[\]-]{1,100}$/),
  /** Counting tokens needs none. */
  max_tokens: z.number().int().min(1).max(1_000_000).optional(),
  messages: z.array(z.looseObject({ content: z.unknown() })),
  tools: z.array(z.looseObject({ type: z.string().nullish() })).optional(),
  mcp_servers: z.array(z.unknown()).nullish(),
  container: z.unknown().optional(),
  speed: z.string().nullish(),
  inference_geo: z.string().nullish(),
});
type RequestBody = z.infer<typeof requestBody>;

/** Text that is denser than two bytes a token is no language and no code; four are usual. */
const densestBytesPerToken = 2;
const usualBytesPerToken = 4;
/** What the largest image that the API accepts comes to. */
const tokensPerImage = 5_000;

/** Reads a body of POST /v1/messages as far as metering and the ban on relays need it. */
export function readModelRequest(bytes: Buffer): ReadRequest {
  const parsed = requestBody.safeParse(parseJson(bytes));
  if (!parsed.success) return { ok: false, reason: "invalid", message: z.prettifyError(parsed.error) };
  const body = parsed.data;
  const blocks = listBlocks(body.messages.map((message) => message.content));
  const forbidden = findForbidden(body, blocks);
  if (forbidden !== null) return { ok: false, reason: "forbidden", message: forbidden };
  const images = blocks.filter((each) => each.type === "image");
  const imageBytes = images.reduce((sum, each) => sum + dataLength(each.source), 0);
  const textBytes = bytes.length - imageBytes;
  const imageTokens = images.length * tokensPerImage;
  return {
    ok: true,
    request: {
      model: body.model,
      maxTokens: body.max_tokens ?? 0,
      maxInputTokens: Math.ceil(textBytes / densestBytesPerToken) + imageTokens,
      likelyInputTokens: Math.ceil(textBytes / usualBytesPerToken) + imageTokens,
      cacheTtl: readCacheTtl(bytes),
    },
  };
}

type Fields = Record<string, unknown>;

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Every content block, those inside results and documents too. A list instead of recursion: the agent chooses the depth. */
function listBlocks(contents: readonly unknown[]): Fields[] {
  const blocks: Fields[] = [];
  const open = [...contents];
  while (open.length > 0) {
    const content = open.pop();
    for (const block of (Array.isArray(content) ? content : [content]).filter(isFields)) {
      blocks.push(block);
      open.push(block.content, isFields(block.source) ? block.source.content : undefined);
    }
  }
  return blocks;
}

function dataLength(source: unknown): number {
  return isFields(source) && typeof source.data === "string" ? source.data.length : 0;
}

/** Tools that the agent's own harness runs; tool_search_tool looks only into the list of tools. */
const localTool = /^(custom$|(bash|text_editor|memory|computer|tool_search_tool)_)/;

/**
 * What would let the model's own servers fetch or send something for the agent, past the list of allowed hosts, or
 * cost other than what the rate card says.
 */
function findForbidden(body: RequestBody, blocks: readonly Fields[]): string | null {
  const serverTool = body.tools?.find(({ type }) => typeof type === "string" && !localTool.test(type));
  if (serverTool !== undefined)
    return `the tool ${String(serverTool.type)}, which runs on the model's servers`;
  if ((body.mcp_servers ?? []).length > 0) return "mcp_servers, which the model's servers would call";
  if (body.container !== undefined && body.container !== null) return "container";
  for (const { type, source } of blocks) {
    if (!isFields(source) || /^(base64|text|content)$/.test(String(source.type))) continue;
    return `content of type ${String(type)} whose source is of type ${String(source.type)}`;
  }
  if ((body.speed ?? "standard") !== "standard") return `speed ${String(body.speed)}`;
  if ((body.inference_geo ?? null) !== null) return `inference_geo ${String(body.inference_geo)}`;
  return null;
}

/** Quotes inside the conversation's own text are escaped, so these bytes are always the request's own. */
function readCacheTtl(bytes: Buffer): ModelRequest["cacheTtl"] {
  if (!bytes.includes('"cache_control"')) return null;
  return bytes.includes('"1h"') ? "1h" : "5m";
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
