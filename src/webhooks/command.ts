import type { TaskOptions } from "../../db/schema.ts";
import { readOptions } from "./command-options.ts";
import { suggestHyphens, suggestVerb } from "./command-suggestion.ts";
import { findTrigger } from "./command-trigger.ts";
import { verbTable, type Action, type Command, type VerbSpec } from "./command-verbs.ts";

export type ParsedCommand =
  | { kind: "none" }
  | Command
  /** Probably a slip; nothing is started. `suggestion` is what to write instead. */
  | { kind: "suggestion"; typed: string; suggestion: string; instruction: string }
  /** A command that cannot be meant as it stands; `reason` is a Markdown sentence without its full stop. */
  | { kind: "invalid"; reason: string };

/** The line behind `/claude`, and what follows it in the comment, as written. */
type Source = { line: string; below: string };

const implement = verbTable.get("implement");

/**
 * Reads the first command of a comment. Further `/claude` lines belong to its instruction, which is
 * the comment's own text from the first word to the end, without white space around it.
 */
export function parseCommand(body: string): ParsedCommand {
  const trigger = findTrigger(body);
  if (trigger.kind === "none") return { kind: "none" };
  if (trigger.kind === "intricate") {
    return invalid(
      "the text before `/claude` is nested too deeply to tell whether it is quoted; put the command on the first line",
    );
  }
  if (body.includes("\0") || !body.isWellFormed()) {
    return invalid("the comment holds characters that are no text (NUL or half of a surrogate pair)");
  }
  const rest = body.slice(trigger.after);
  const lineLength = rest.search(/[\r\n]|$/);
  return readLine({ line: rest.slice(0, lineLength), below: rest.slice(lineLength) });
}

function readLine(source: Source): ParsedCommand {
  const punctuated = /^[:,][ \t\u00A0]*/.exec(source.line);
  if (punctuated !== null) return suggest(source, source.line.slice(punctuated[0].length));
  const hyphens = suggestHyphens(source.line);
  if (hyphens !== null) return suggest(source, hyphens);
  const word = /^[ \t\u00A0]*([A-Za-z-]+)(?=[ \t\u00A0]|$)/.exec(source.line);
  const verb = word?.[1]?.toLowerCase() ?? "";
  const spec = verbTable.get(verb);
  if (word === null || spec === undefined) return readInstruction(source);
  if (spec.words === "none") return readControl(source, { spec, at: word[0].length });
  const read = readOptions(source.line, word[0].length, spec.options);
  if (!read.ok) return invalid(read.reason);
  const words = instructionFrom(source, read.end);
  if (words === "" && spec.words === "required") return invalid(`\`/claude ${spec.usage}\` needs some words`);
  // "fix" and "implement" are the first word of the sentence that Claude reads.
  const instruction = spec.verb === "implement" && words !== "" ? `${word[1]} ${words}` : words;
  return command({ verb: spec.verb }, read.options, instruction);
}

function readControl(
  source: Source,
  verb: { spec: VerbSpec & { words: "none" }; at: number },
): ParsedCommand {
  const { spec, at } = verb;
  const before = readOptions(source.line, at, spec.options);
  if (!before.ok)
    return spec.options.length === 0 ? invalid("this command takes no options") : invalid(before.reason);
  const rest = readTrailing(source.line, before.end, spec);
  if (!rest.ok) return invalid(rest.reason);
  const read = spec.read(rest.words);
  const options = { ...before.options, ...rest.options };
  if (read.kind === "fits") return command(read.action, options, trimEnds(source.below));
  if (read.kind === "wrong") return invalid(read.reason);
  return readInstruction(source);
}

type Trailing = { ok: true; words: string[]; options: TaskOptions } | { ok: false; reason: string };

/** The verb's argument, and options behind it: `run release --model opus` is what people write. */
function readTrailing(line: string, start: number, spec: VerbSpec): Trailing {
  const split = (text: string) => text.split(/[ \t\u00A0]+/).filter((word) => word !== "");
  const plain: Trailing = { ok: true, words: split(line.slice(start)), options: {} };
  const at = line.slice(start).search(/[ \t\u00A0]--[A-Za-z]/);
  if (at === -1 || spec.options.length === 0 || spec.words !== "none") return plain;
  const words = split(line.slice(start, start + at));
  if (words.length === 0 || spec.read(words).kind !== "fits") return plain;
  const read = readOptions(line, start + at, spec.options);
  if (!read.ok) return { ok: false, reason: read.reason };
  return line.slice(read.end).trim() === "" ? { ok: true, words, options: read.options } : plain;
}

function readInstruction(source: Source): ParsedCommand {
  const read = readOptions(source.line, 0, implement?.options ?? []);
  if (!read.ok) return invalid(read.reason);
  const instruction = instructionFrom(source, read.end);
  if (instruction === "") {
    return invalid(
      "`/claude` needs to be told what to do; `/claude fix` alone works on the issue as it is written, `/claude help` lists the rest",
    );
  }
  const literal = /(?:^|[ \t\u00A0])--$/.test(source.line.slice(0, read.end));
  const better = literal
    ? null
    : suggestVerb({ line: source.line, optionsEnd: read.end, alone: source.below.trim() === "" });
  if (better !== null) return suggest(source, better);
  return command({ verb: "implement" }, read.options, instruction);
}

function instructionFrom(source: Source, at: number): string {
  const words = source.line.slice(at).replace(/^[ \t\u00A0]+/, "");
  return trimEnds(words + source.below);
}

/** The indentation of the first line stays: it may be code. */
function trimEnds(text: string): string {
  return text.replace(/^(?:[ \t]*(?:\r\n|\r|\n))+/, "").trimEnd();
}

function command(action: Action, options: TaskOptions, instruction: string): Command {
  return { kind: "command", options, instruction, ...action };
}

function suggest(source: Source, better: string): ParsedCommand {
  return {
    kind: "suggestion",
    typed: shorten(`/claude${source.line}`),
    suggestion: shorten(`/claude ${better}`),
    instruction: instructionFrom(source, 0),
  };
}

function shorten(text: string): string {
  const line = text.trim();
  return line.length <= 200 ? line : `${line.slice(0, 200)}…`;
}

function invalid(reason: string): ParsedCommand {
  return { kind: "invalid", reason };
}
