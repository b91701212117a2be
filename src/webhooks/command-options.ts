import type { TaskOptions } from "../../db/schema.ts";
import { isBranchName } from "../github/branch-name.ts";

export type OptionName = keyof typeof optionTable;

export type OptionsRead =
  | { ok: true; options: TaskOptions; /** Where the words begin. */ end: number }
  | { ok: false; reason: string };

type OptionSpec = {
  /** How help shows its value; null for a switch. */
  value: string | null;
  about: string;
  /** Null: the value is not what was expected. */
  read: (value: string) => TaskOptions | null;
  expected: string;
};

const day = { minute: 60_000, hour: 3_600_000 };

export const optionTable = {
  model: {
    value: "<name>",
    about: "the Claude model of this task",
    expected: "a model name such as `claude-sonnet-4-5`",
    read: (value) => (/^[A-Za-z0-9][\w.:/@[\]-]{0,99}$/.test(value) ? { model: value } : null),
  },
  base: {
    value: "<branch>",
    about: "the branch to start from and to merge into",
    expected: "the name of a branch",
    read: (value) => (isBranchName(value) ? { base: value } : null),
  },
  budget: {
    value: "<usd>",
    about: "what the model may cost, in dollars",
    expected: "dollars from 0.01 to 1000, such as `2.50`",
    read: (value) => {
      const budgetMicroUsd = parseMicroUsd(value);
      return budgetMicroUsd === null ? null : { budgetMicroUsd };
    },
  },
  "max-turns": {
    value: "<n>",
    about: "how many turns Claude may take",
    expected: "a whole number from 1 to 1000",
    read: (value) => {
      const maxTurns = /^[1-9]\d{0,3}$/.test(value) ? Number(value) : 0;
      return maxTurns >= 1 && maxTurns <= 1_000 ? { maxTurns } : null;
    },
  },
  timeout: {
    value: "<minutes>",
    about: "how long Claude may take, such as `45` or `2h`",
    expected: "a time from 1 minute to 6 hours, such as `45`, `45m` or `2h`",
    read: (value) => {
      const match = /^(\d{1,4})(m|min|h)?$/i.exec(value);
      const timeoutMs = Number(match?.[1] ?? 0) * (match?.[2]?.toLowerCase() === "h" ? day.hour : day.minute);
      return timeoutMs >= day.minute && timeoutMs <= 6 * day.hour ? { timeoutMs } : null;
    },
  },
  new: {
    value: null,
    about: "a new conversation instead of going on with the last one",
    expected: "",
    read: () => ({ newSession: true }),
  },
  "no-pr": {
    value: null,
    about: "push the branch, open no pull request",
    expected: "",
    read: () => ({ noPullRequest: true }),
  },
  draft: { value: null, about: "a draft pull request", expected: "", read: () => ({ draft: true }) },
  ready: {
    value: null,
    about: "a pull request that is ready for review",
    expected: "",
    read: () => ({ draft: false }),
  },
} as const satisfies Record<string, OptionSpec>;

/** Dollars with up to two decimals, from 0.01 to 1000, as an integer of micro-dollars; null when it is none. */
export function parseMicroUsd(value: string): number | null {
  const match = /^\$?(\d{1,4})(?:\.(\d{1,2}))?$/.exec(value);
  if (match === null) return null;
  const cents = Number(match[1]) * 100 + Number((match[2] ?? "").padEnd(2, "0"));
  return cents >= 1 && cents <= 100_000 ? cents * 10_000 : null;
}

const optionPattern = /[ \t\u00A0]*--(?:([A-Za-z][A-Za-z-]*)(=)?|(?=[ \t\u00A0]|$))/y;
const valuePattern = /[ \t\u00A0]*(?:"([^"]*)"|'([^']*)'|(?!--)([^\s"']\S*))(?=[ \t\u00A0]|$)/y;

/** Reads `--name value`, `--name=value` and `--name "value"` from `start` of a line until the words begin; a bare `--` ends them. */
export function readOptions(line: string, start: number, allowed: readonly OptionName[]): OptionsRead {
  let options: TaskOptions = {};
  let end = start;
  const given = new Set<string>();
  for (;;) {
    optionPattern.lastIndex = end;
    const match = optionPattern.exec(line);
    if (match === null) break;
    end = optionPattern.lastIndex;
    const name = match[1]?.toLowerCase();
    if (name === undefined) break;
    if (!isOption(name)) return refuse(`\`--${name}\` is not an option; there are ${list(allowed)}`);
    if (!allowed.includes(name)) return refuse(`\`--${name}\` has no meaning for this command`);
    if (given.has(name)) return refuse(`\`--${name}\` is given twice`);
    given.add(name);
    const spec: OptionSpec = optionTable[name];
    const raw = readValue(line, end, { takesValue: spec.value !== null, joined: match[2] !== undefined });
    if (raw === null)
      return refuse(`\`--${name}\` needs ${spec.value === null ? "no value" : spec.expected}`);
    const value = spec.read(raw.value);
    if (value === null) return refuse(`\`--${name}\` needs ${spec.expected}, got ${quote(raw.value)}`);
    end = raw.end;
    options = { ...options, ...value };
  }
  if (given.has("draft") && given.has("ready")) return refuse("`--draft` and `--ready` exclude each other");
  return { ok: true, options, end };
}

function readValue(
  line: string,
  at: number,
  form: { takesValue: boolean; joined: boolean },
): { value: string; end: number } | null {
  if (!form.takesValue) {
    const closed = !form.joined && /^(?:[ \t\u00A0]|$)/.test(line.slice(at, at + 1));
    return closed ? { value: "", end: at } : null;
  }
  if (form.joined && /^[ \t\u00A0]/.test(line.slice(at, at + 1))) return null;
  valuePattern.lastIndex = at;
  const match = valuePattern.exec(line);
  const value = match?.[1] ?? match?.[2] ?? match?.[3];
  return value === undefined ? null : { value, end: valuePattern.lastIndex };
}

function isOption(name: string): name is OptionName {
  return Object.hasOwn(optionTable, name);
}

/** A foreign value in our reply: short, and unable to leave its code span. */
export function quote(value: string): string {
  return `\`${value.replaceAll(/[`\r\n]/g, "").slice(0, 60)}\``;
}

function list(names: readonly string[]): string {
  return names.map((name) => `\`--${name}\``).join(", ");
}

function refuse(reason: string): OptionsRead {
  return { ok: false, reason };
}
