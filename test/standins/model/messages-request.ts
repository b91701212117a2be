import { z } from "zod";

const cacheControl = z.strictObject({ type: z.literal("ephemeral"), ttl: z.enum(["5m", "1h"]).optional() });
const json = z.record(z.string(), z.unknown());

const textBlock = z.strictObject({
  type: z.literal("text"),
  text: z.string(),
  cache_control: cacheControl.nullish(),
  citations: z.array(z.unknown()).nullish(),
});

const imageBlock = z.strictObject({
  type: z.literal("image"),
  source: z.strictObject({ type: z.literal("base64"), media_type: z.string(), data: z.base64() }),
  cache_control: cacheControl.nullish(),
});

const toolUseBlock = z.strictObject({
  type: z.literal("tool_use"),
  id: z.string().regex(/^toolu_[A-Za-z0-9]+$/),
  name: z.string().min(1),
  input: json,
  cache_control: cacheControl.nullish(),
});

const toolResultBlock = z.strictObject({
  type: z.literal("tool_result"),
  tool_use_id: z.string(),
  content: z.union([z.string(), z.array(z.union([textBlock, imageBlock]))]).optional(),
  is_error: z.boolean().optional(),
  cache_control: cacheControl.nullish(),
});

const contentBlock = z.discriminatedUnion("type", [textBlock, imageBlock, toolUseBlock, toolResultBlock]);

const message = z.strictObject({
  role: z.enum(["user", "assistant", "system"]),
  content: z.union([z.string(), z.array(contentBlock).min(1)]),
  /** Newer models take a change of effort with a system message in the middle. */
  output_config: z.strictObject({ effort: z.string() }).optional(),
});

const tool = z.strictObject({
  name: z.string().regex(/^[A-Za-z0-9_-]{1,128}$/),
  description: z.string().optional(),
  input_schema: json,
  strict: z.boolean().optional(),
  defer_loading: z.boolean().optional(),
  eager_input_streaming: z.boolean().optional(),
  cache_control: cacheControl.nullish(),
});

/** The body of POST /v1/messages, as far as Claude Code 2.1.330 uses the API; anything else is named and refused. */
export const messagesRequest = z.strictObject({
  model: z.string().min(1),
  max_tokens: z.number().int().positive(),
  messages: z.array(message).min(1),
  system: z.union([z.string(), z.array(textBlock)]).optional(),
  tools: z.array(tool).optional(),
  tool_choice: json.optional(),
  metadata: z.strictObject({ user_id: z.string().nullish() }).optional(),
  thinking: json.optional(),
  context_management: json.optional(),
  output_config: json.optional(),
  stream: z.boolean().optional(),
  temperature: z.number().min(0).max(1).optional(),
  stop_sequences: z.array(z.string()).optional(),
});

/** The body of POST /v1/messages/count_tokens. */
export const countTokensRequest = messagesRequest.omit({
  max_tokens: true,
  stream: true,
  temperature: true,
  metadata: true,
  stop_sequences: true,
});

export type MessagesRequest = z.infer<typeof messagesRequest>;
export type RequestMessage = z.infer<typeof message>;
export type ContentBlock = z.infer<typeof contentBlock>;

/** Token counts as the Messages API answers them. */
export type Usage = {
  input_tokens: number;
  output_tokens: number;
  cache_creation_input_tokens: number;
  cache_read_input_tokens: number;
  cache_creation: { ephemeral_5m_input_tokens: number; ephemeral_1h_input_tokens: number };
};

/** What the real API would refuse beyond the shape, in its words; null when the request is sound. */
export function findContradiction(body: Pick<MessagesRequest, "messages" | "tools">): string | null {
  const names = (body.tools ?? []).map((each) => each.name);
  if (new Set(names).size !== names.length) return "tools: Tool names must be unique.";
  if (body.messages[0]?.role === "assistant") return "messages: first message must use the user role.";
  for (const [index, each] of body.messages.entries()) {
    if (each.role !== "assistant" || typeof each.content === "string") continue;
    const asked = each.content.flatMap((block) => (block.type === "tool_use" ? [block.id] : []));
    const answered = resultIdsOf(body.messages[index + 1]);
    const open = asked.filter((id) => !answered.has(id));
    if (open.length > 0) {
      return `messages.${index}: tool_use ids were found without tool_result blocks immediately after: ${open.join(", ")}.`;
    }
  }
  return null;
}

function resultIdsOf(next: RequestMessage | undefined): Set<string> {
  if (next === undefined || typeof next.content === "string") return new Set();
  return new Set(next.content.flatMap((block) => (block.type === "tool_result" ? [block.tool_use_id] : [])));
}
