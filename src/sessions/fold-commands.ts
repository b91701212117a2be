import type { AgentEvent } from "./agent-events.ts";
import { clip } from "./agent-summaries.ts";

/** `ok` as Claude Code reported it; null: it had not ended when the turn did. */
export type CommandRun = { command: string; ok: boolean | null };

export type CommandLog = {
  runs: readonly CommandRun[];
  /** Commands beyond the first 100. */
  dropped: number;
  /** Index of a run by the id of its call. */
  open: ReadonlyMap<string, number>;
};

export const noCommands: CommandLog = { runs: [], dropped: 0, open: new Map() };

const maxRuns = 100;

/** Collects the shell commands that Claude ran, for the receipt. Returns the same object when nothing changed. */
export function foldCommands(log: CommandLog, event: AgentEvent): CommandLog {
  if (event.kind === "tool-call" && event.name === "Bash") {
    if (log.runs.length >= maxRuns) return { ...log, dropped: log.dropped + 1 };
    return {
      ...log,
      runs: [...log.runs, { command: clip(event.summary, 300), ok: null }],
      open: new Map(log.open).set(event.id, log.runs.length),
    };
  }
  if (event.kind !== "tool-result") return log;
  const index = log.open.get(event.id);
  if (index === undefined) return log;
  const open = new Map(log.open);
  open.delete(event.id);
  return { ...log, runs: log.runs.map((run, at) => (at === index ? { ...run, ok: event.ok } : run)), open };
}
