import { z } from "zod";
import { takenWord } from "./steering-hooks.ts";

const hookResponse = z.object({
  type: z.literal("system"),
  subtype: z.literal("hook_response"),
  hook_event: z.enum(["PostToolBatch", "Stop"]),
  outcome: z.literal("success"),
  stderr: z.string(),
});

const modelAnswer = z.object({
  type: z.literal("assistant"),
  parent_tool_use_id: z.string().nullish(),
  is_api_error_message: z.literal(false).nullish(),
  message: z.object({ id: z.string(), model: z.string() }),
});

/** What Claude Code writes as the model of words of its own, such as an API's error. */
const nobody = "<synthetic>";

/**
 * Reads in the agent's stream which messages the model was given: a hook took them, or they stood in the prompt, and then the
 * model answered to a further call. Taken alone is not enough: a turn may end at that very point. Each id is told once.
 */
export function createHandedReader(input: {
  inPrompt: readonly string[];
  onHanded: (ids: readonly string[]) => void;
}): (line: string) => void {
  /** Ids beside the answer during which they were taken: its later blocks prove nothing. */
  const taken = new Map<string, string | null>(input.inPrompt.map((id) => [id, null]));
  let answerId: string | null = null;
  return (line) => {
    if (!line.includes('"assistant"') && !line.includes('"hook_response"')) return;
    const json = parse(line);
    const response = hookResponse.safeParse(json);
    if (response.success) {
      const words = response.data.stderr.matchAll(new RegExp(`^${takenWord} ([\\w-]+)$`, "gm"));
      for (const [, id = ""] of words) taken.set(id, answerId);
      return;
    }
    const answer = modelAnswer.safeParse(json);
    if (!answer.success || typeof answer.data.parent_tool_use_id === "string") return;
    const { id, model } = answer.data.message;
    if (model === nobody) return;
    answerId = id;
    const handed = [...taken].filter(([, during]) => during !== id).map(([each]) => each);
    for (const each of handed) taken.delete(each);
    if (handed.length > 0) input.onHanded(handed);
  };
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined; // Noise in the stream; whoever stores the events keeps it.
  }
}
