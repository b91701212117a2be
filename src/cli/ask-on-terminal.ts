import { createInterface } from "node:readline/promises";
import type { CliIo } from "./cli-io.ts";

/** Asks the person at the terminal; null where there is none. A closed input answers with nothing. */
export function askOnTerminal(): CliIo["ask"] {
  if (!process.stdin.isTTY) return null;
  return async (question) => {
    // Beside the output, which may go to a program.
    const lines = createInterface({ input: process.stdin, output: process.stderr });
    const closed = new Promise<string>((resolve) => lines.once("close", () => resolve("")));
    try {
      return await Promise.race([lines.question(question), closed]);
    } finally {
      lines.close();
    }
  };
}
