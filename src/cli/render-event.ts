import { z } from "zod";
import { toTerminalBlock, toTerminalJson, toTerminalLine } from "./terminal-text.ts";

type StoredEvent = { kind: string; createdAt: Date; data: unknown };

/** Fields of src/sessions/agent-events.ts that say most; any of them may be missing in an older log. */
const known = z.looseObject({
  text: z.string().optional(),
  name: z.string().optional(),
  summary: z.string().optional(),
  ok: z.boolean().optional(),
  model: z.string().optional(),
  line: z.string().optional(),
});

/** One event of a task's log, as lines that begin with the time of day (UTC). */
export function renderEvent(event: StoredEvent): string {
  const time = event.createdAt.toISOString().slice(11, 19);
  const [first = "", ...rest] = describe(event).split("\n");
  const head = `  ${time}  ${toTerminalLine(event.kind).padEnd(11)}  ${first}`.trimEnd();
  return [head, ...rest.map((line) => `${" ".repeat(25)}${line}`.trimEnd())].join("\n");
}

function describe({ kind, data }: StoredEvent): string {
  const parsed = known.safeParse(data);
  if (!parsed.success) return inFull(data);
  const { text, name, summary = "", ok, model, line } = parsed.data;
  switch (kind) {
    case "init":
      return toTerminalLine(model ?? "");
    case "text":
    case "result":
      return toTerminalBlock(text ?? "");
    case "tool-call":
      return toTerminalBlock(`${name ?? "?"} ${summary}`);
    case "tool-result":
      return toTerminalBlock(`${ok === false ? "failed" : "ok"} ${summary}`);
    case "noise":
      return toTerminalLine(line ?? "");
    default:
      return inFull(data);
  }
}

const inFull = (data: unknown): string => toTerminalLine(toTerminalJson(data).replaceAll(/\s*\n\s*/g, " "));
