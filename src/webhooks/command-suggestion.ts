import { optionTable } from "./command-options.ts";
import { verbTable } from "./command-verbs.ts";

type Line = {
  /** What stands behind `/claude`. */
  line: string;
  /** Where the words begin, behind the options. */
  optionsEnd: number;
  /** Nothing follows below the line. */
  alone: boolean;
};

/** What people add to a command that takes no words. */
const fillers = new Set(
  "please pls plz now it this that thanks thx immediately the task work branch plan everything again".split(
    " ",
  ),
);

const synonyms = new Map([
  ...["cancel", "abort", "halt", "kill", "end"].map((word) => [word, "stop"] as const),
  ...["rerun", "re-run", "redo", "restart", "again"].map((word) => [word, "retry"] as const),
  ...["revert", "rollback"].map((word) => [word, "undo"] as const),
  ...["yes", "ok", "okay", "lgtm", "approved", "accept"].map((word) => [word, "approve"] as const),
  ...["?", "usage", "commands"].map((word) => [word, "help"] as const),
  ["fixci", "fix-ci"],
]);

/** Phones turn two hyphens into a dash. */
const dashedOption = new RegExp(
  `^([ \\t]*(?:[A-Za-z-]+[ \\t]+)?)[\\u2013\\u2014](?=(?:${Object.keys(optionTable).join("|")})(?:[ \\t=]|$))`,
  "i",
);

/** The text that was probably meant behind `/claude`, where the line as it stands would start something else; null where the words are an instruction. */
export function suggestVerb(input: Line): string | null {
  return suggestOrder(input) ?? suggestShorter(input) ?? suggestSpelling(input);
}

/** The line with its dash as two hyphens; null when there is no dash in front of an option's name. */
export function suggestHyphens(line: string): string | null {
  return dashedOption.test(line) ? line.replace(dashedOption, "$1--").trim() : null;
}

function suggestOrder({ line, optionsEnd }: Line): string | null {
  const options = line.slice(0, optionsEnd).trim();
  const [verb = "", ...words] = split(line.slice(optionsEnd));
  const spec = verbTable.get(verb.toLowerCase());
  if (options === "" || spec === undefined || ("verb" in spec && spec.verb === "implement")) return null;
  if (spec.words === "none" && spec.read(words).kind !== "fits") return null;
  const kept = spec.options.length === 0 ? "" : options;
  return [verb.toLowerCase(), kept, ...words].filter((part) => part !== "").join(" ");
}

function suggestShorter({ line, alone }: Line): string | null {
  const [verb = "", ...words] = split(line).map((word) => word.toLowerCase().replace(/[.,!?;]+$/, ""));
  const spec = verbTable.get(verb);
  if (!alone || spec?.words !== "none" || spec.read([]).kind !== "fits") return null;
  return words.every((word) => word === "" || fillers.has(word)) ? verb : null;
}

function suggestSpelling({ line, alone }: Line): string | null {
  const [first = "", ...words] = split(line);
  const typed = first.toLowerCase();
  if (alone && words.length === 0) {
    const synonym = synonyms.get(typed.replace(/(?<=.)[.!]+$/, ""));
    if (synonym !== undefined) return synonym;
  }
  for (const [verb, spec] of verbTable) {
    if (spec.words === "none") {
      const close = verb.length >= 4 ? isOneEditAway(typed, verb) : isSwapped(typed, verb);
      if (close && alone && spec.read(words).kind === "fits") return [verb, ...words].join(" ");
    } else if (spec.verb !== "implement" && (isSwapped(typed, verb) || misses(typed, verb))) {
      return [verb, ...words].join(" ");
    }
  }
  return null;
}

function split(line: string): string[] {
  return line.split(/[ \t\u00A0]+/).filter((word) => word !== "");
}

/** Two neighbours changed places: the commonest slip, and hardly ever another English word. */
function isSwapped(typed: string, verb: string): boolean {
  if (typed.length !== verb.length || typed === verb) return false;
  const at = Array.from(verb).findIndex((letter, index) => typed[index] !== letter);
  const swapped = `${verb.slice(0, at)}${verb.charAt(at + 1)}${verb.charAt(at)}${verb.slice(at + 2)}`;
  return typed === swapped;
}

/** One letter of a long verb is missing. */
function misses(typed: string, verb: string): boolean {
  return verb.length >= 6 && typed.length === verb.length - 1 && isOneEditAway(typed, verb);
}

function isOneEditAway(typed: string, verb: string): boolean {
  if (isSwapped(typed, verb)) return true;
  if (Math.abs(typed.length - verb.length) > 1) return false;
  let start = 0;
  while (start < typed.length && typed[start] === verb[start]) start++;
  let end = 0;
  const shorter = Math.min(typed.length, verb.length) - start;
  while (end < shorter && typed.at(-1 - end) === verb.at(-1 - end)) end++;
  return Math.max(typed.length, verb.length) - start - end === 1;
}
