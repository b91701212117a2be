import { z } from "zod";

const maxSummary = 2_000;

/** Which input of a tool says what it does. Source: the tools of Claude Code 2.1.330. */
const telling: Readonly<Record<string, string>> = {
  Bash: "command",
  Read: "file_path",
  Write: "file_path",
  Edit: "file_path",
  NotebookEdit: "notebook_path",
  Grep: "pattern",
  Glob: "pattern",
  Task: "description",
  Agent: "description",
  Skill: "skill",
  WebFetch: "url",
  WebSearch: "query",
  TaskCreate: "subject",
  TaskUpdate: "taskId",
};

const object = z.record(z.string(), z.unknown());
const textBlocks = z.array(z.object({ type: z.literal("text"), text: z.string() }).or(z.unknown()));

/** What a tool was asked to do, at most 2,000 characters. */
export function summariseCall(name: string, input: unknown): string {
  const fields = object.safeParse(input);
  if (!fields.success) return "";
  const key = telling[name];
  const value = key === undefined ? undefined : fields.data[key];
  return clip(typeof value === "string" ? value : JSON.stringify(fields.data), maxSummary);
}

/** What a tool answered, at most 2,000 characters; anything but text is left out. */
export function summariseResult(content: unknown): string {
  if (typeof content === "string") return clip(content, maxSummary);
  const blocks = textBlocks.safeParse(content);
  if (!blocks.success) return "";
  return clip(blocks.data.flatMap((item) => (isText(item) ? [item.text] : [])).join("\n"), maxSummary);
}

function isText(item: unknown): item is { text: string } {
  return typeof item === "object" && item !== null && "text" in item && typeof item.text === "string";
}

/**
 * At most `max` characters, with "…" where something was cut; storable by PostgreSQL (no NUL, well-formed).
 * It is a copy: a slice would keep the 10 MB line that it came from in memory.
 */
export function clip(text: string, max: number): string {
  const cut = text.length <= max ? text : `${cutBeforeWord(text, max - 1)}…`;
  return Buffer.from(cut.replaceAll("\0", "\uFFFD"), "utf8").toString("utf8");
}

/** The beginning of a secret is one as well, and no pattern would know it: a word that does not fit is left out as a whole. */
function cutBeforeWord(text: string, max: number): string {
  const head = text.slice(0, max);
  const whole = /\s/.test(text.charAt(max)) ? head : head.replace(/\S{1,256}$/, "");
  return whole.replace(/[\uD800-\uDBFF]$/, "");
}
