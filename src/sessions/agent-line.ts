import { z } from "zod";

/*
 * The lines of `claude -p --output-format stream-json --verbose`, as 2.1.330 writes them. Fields that decide nothing may
 * be missing or different: an agent's log must not fail over them.
 */

export const init = z.object({
  session_id: z.string(),
  model: z.string(),
  tools: z.array(z.string()).catch([]),
});

export const apiRetry = z.object({
  error: z.string().catch("unknown"),
  error_status: z.number().nullable().catch(null),
  attempt: z.number().catch(0),
  retry_delay_ms: z.number().catch(0),
});

export const block = z.discriminatedUnion("type", [
  z.object({ type: z.literal("text"), text: z.string() }),
  z.object({ type: z.literal("tool_use"), id: z.string(), name: z.string(), input: z.unknown().optional() }),
  z.object({
    type: z.literal("tool_result"),
    tool_use_id: z.string(),
    is_error: z.boolean().nullish(),
    content: z.unknown().optional(),
  }),
]);

export const message = z.object({
  parent_tool_use_id: z.string().nullish(),
  is_api_error_message: z.boolean().nullish(),
  message: z.object({ content: z.union([z.string(), z.array(z.unknown())]) }),
  tool_use_result: z.unknown().optional(),
});

const count = z.number().catch(0);
export const result = z.object({
  subtype: z.string().catch("unknown"),
  is_error: z.boolean().catch(true),
  terminal_reason: z.string().nullish().catch(null),
  api_error_status: z.number().nullish().catch(null),
  num_turns: count,
  result: z.string().catch(""),
  errors: z.array(z.string()).catch([]),
  model_usage_since_last_result: z
    .record(
      z.string(),
      z.object({
        inputTokens: count,
        outputTokens: count,
        cacheReadInputTokens: count,
        cacheCreationInputTokens: count,
      }),
    )
    .catch({}),
});

export const line = z.object({ type: z.string(), subtype: z.string().optional().catch(undefined) });
