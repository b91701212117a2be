import type { TaskOptions } from "../../db/schema.ts";
import { optionTable, parseMicroUsd, quote, type OptionName } from "./command-options.ts";

export type PlainVerb =
  | "implement"
  | "ask"
  | "plan"
  | "review"
  | "rebase"
  | "fix-ci"
  | "stop"
  | "retry"
  | "status"
  | "config"
  | "why"
  | "tasks"
  | "help";

/** The verb with what belongs to it alone. */
export type Action =
  | { verb: PlainVerb }
  | { verb: "approve"; sha: string | null }
  | { verb: "undo"; turns: number }
  | { verb: "budget"; addMicroUsd: number }
  | { verb: "autofix"; on: boolean }
  | { verb: "save" | "run"; name: string };

export type Command = { kind: "command"; options: TaskOptions; instruction: string } & Action;
export type Verb = Action["verb"];

export type ArgumentsRead =
  | { kind: "fits"; action: Action }
  /** The line can only be meant as this verb, but its argument is missing or out of range. */
  | { kind: "wrong"; reason: string }
  /** The words are an instruction. */
  | { kind: "other" };

type ReadArguments = (words: readonly string[]) => ArgumentsRead;

type VerbShape = { options: readonly OptionName[] } & (
  { words: "optional" | "required"; verb: PlainVerb } | { words: "none"; read: ReadArguments }
);

export type VerbSpec = { usage: string; about: string } & VerbShape;

const turn = ["model", "budget", "max-turns", "timeout"] as const satisfies OptionName[];
const work = [...turn, "base", "new", "no-pr", "draft", "ready"] as const satisfies OptionName[];

/** Every verb by what people type; `fix` and the bare `/claude` are `implement`. */
export const verbTable: ReadonlyMap<string, VerbSpec> = new Map([
  row("fix [what]", "the same; alone it takes the issue as it is written", free("implement", work)),
  row("implement [what]", "the same", free("implement", work)),
  row("ask <question>", "answer, change nothing", { verb: "ask", options: turn, words: "required" }),
  row("plan [what]", "write a plan and wait for `/claude approve`", free("plan", [...turn, "base", "new"])),
  row("approve [sha]", "say yes to the open question: plan, protected files or cost", exact(readApprove)),
  row("review [focus]", "review the pull request with inline comments", free("review", turn)),
  row("rebase", "bring the branch up to its base, resolve conflicts", exact(alone("rebase"), turn)),
  row("fix-ci [hint]", "read the failed checks and repair them", free("fix-ci", turn)),
  row("stop", "stop the running task and keep its work", exact(alone("stop"))),
  row("retry", "run the last task again", exact(alone("retry"), turn)),
  row("status", "state, place in the queue, cost so far", exact(alone("status"))),
  row("undo [n]", "take back the last turn, or the last n", exact(readUndo)),
  row("budget +<usd>", "raise this task's budget and go on", exact(readBudget)),
  row("autofix on|off", "repair failed checks by itself, or not", exact(readAutofix)),
  row("config", "every setting and the file and line that set it", exact(alone("config"))),
  row("why", "why a comment or label was ignored", exact(alone("why"))),
  row("save <name>", "keep this thread's instruction under a name", exact(readName("save"))),
  row("run <name>", "run a saved task here", exact(readName("run"), work)),
  row("tasks", "list the saved tasks", exact(alone("tasks"))),
  row("help", "this list", exact(alone("help"))),
]);

function row(usage: string, about: string, shape: VerbShape): [string, VerbSpec] {
  return [usage.split(" ", 1)[0] ?? usage, { usage, about, ...shape }];
}

/** Words may follow, on the line and below it. */
function free(verb: PlainVerb, options: readonly OptionName[]): VerbShape {
  return { verb, options, words: "optional" };
}

/** Only the verb's own argument may follow on the line. */
function exact(read: ReadArguments, options: readonly OptionName[] = []): VerbShape {
  return { read, options, words: "none" };
}

function alone(verb: PlainVerb) {
  return (words: readonly string[]): ArgumentsRead => (words.length === 0 ? fits({ verb }) : other);
}

function readApprove([sha, ...more]: readonly string[]): ArgumentsRead {
  if (sha === undefined) return fits({ verb: "approve", sha: null });
  if (more.length > 0 || !/^[0-9a-f]{7,40}$/i.test(sha)) return other;
  return fits({ verb: "approve", sha: sha.toLowerCase() });
}

const maxUndo = 50;

function readUndo([turns, ...more]: readonly string[]): ArgumentsRead {
  if (turns === undefined) return fits({ verb: "undo", turns: 1 });
  if (more.length > 0 || !/^\d+$/.test(turns)) return other;
  const count = Number(turns);
  if (count < 1 || count > maxUndo)
    return wrong(`\`undo\` takes back 1 to ${maxUndo} turns, got ${quote(turns)}`);
  return fits({ verb: "undo", turns: count });
}

function readBudget([amount, ...more]: readonly string[]): ArgumentsRead {
  const example = "`budget` needs the dollars to add, from 0.01 to 1000, such as `/claude budget +2`";
  if (amount === undefined) return wrong(example);
  if (more.length > 0 || !/^[+-]?\$?\d/.test(amount)) return other;
  const addMicroUsd = amount.startsWith("+") ? parseMicroUsd(amount.slice(1)) : null;
  return addMicroUsd === null
    ? wrong(`${example}, got ${quote(amount)}`)
    : fits({ verb: "budget", addMicroUsd });
}

function readAutofix([state, ...more]: readonly string[]): ArgumentsRead {
  if (state === undefined) return wrong("`autofix` needs `on` or `off`");
  const word = state.toLowerCase();
  if (more.length > 0 || (word !== "on" && word !== "off")) return other;
  return fits({ verb: "autofix", on: word === "on" });
}

function readName(verb: "save" | "run") {
  return ([name, ...more]: readonly string[]): ArgumentsRead => {
    if (name === undefined) return wrong(`\`${verb}\` needs the name of a saved task`);
    if (more.length > 0 || !/^[a-z0-9][a-z0-9._-]{0,63}$/i.test(name)) return other;
    return fits({ verb, name });
  };
}

const other: ArgumentsRead = { kind: "other" };
const fits = (action: Action): ArgumentsRead => ({ kind: "fits", action });
const wrong = (reason: string): ArgumentsRead => ({ kind: "wrong", reason });

/** The answer to `/claude help`, as Markdown. */
export function renderHelp(): string {
  return [
    "**Write `/claude` and what you want at the start of a line.** The rest of the comment belongs to it.",
    ...renderGrammar(),
  ].join("\n\n");
}

/** The tables of commands and options and the rules that hold for all, as blocks of Markdown. */
export function renderGrammar(): string[] {
  const verbs = [...verbTable.values()].map(
    ({ usage, about }) => `| ${cell(`/claude ${usage}`)} | ${about} |`,
  );
  const options = Object.entries(optionTable).map(
    ([name, { value, about }]) =>
      `| ${cell(value === null ? `--${name}` : `--${name} ${value}`)} | ${about} |`,
  );
  return [
    [
      "| Command | What happens |",
      "|---|---|",
      "| `/claude <what>` | change the code, open a draft pull request |",
      ...verbs,
    ].join("\n"),
    ["| Option, before the words | |", "|---|---|", ...options].join("\n"),
    "A verb counts only if the line fits it exactly; otherwise the words are the instruction. After `--` they always are: `/claude -- stop the flaky test`.",
    "Quotes, code blocks and edited comments never start anything. Only people with write access do.",
  ];
}

function cell(code: string): string {
  return `\`${code.replaceAll("|", "\\|")}\``;
}
