import type { Config } from "../config.ts";
import { toTerminalJson } from "./terminal-text.ts";

/** What a command has of the world around it; tests bring their own. */
export type CliIo = {
  /** Reads the settings as the server does; throws its UserError when they are not sound. */
  readConfig(): Config;
  write(text: string): void;
  writeError(text: string): void;
  /** The terminal's width; null: the output goes elsewhere and is not cut. */
  columns: number | null;
  now(): Date;
  /** Asks the person who runs the command, who sees it beside the output; null: nobody is there to answer. */
  ask: ((question: string) => Promise<string>) | null;
  /** What the process ends with; 0 unless set. */
  setExitCode(code: number): void;
};

/** One JSON value, the whole output of a command for programs. */
export function writeJson(io: Pick<CliIo, "write">, value: unknown): void {
  io.write(`${toTerminalJson(value)}\n`);
}
