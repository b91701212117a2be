import { runCli } from "../../src/cli/run-cli.ts";
import { readConfig } from "../../src/config.ts";

export type CommandResult = { out: string; err: string; exitCode: number };

/** Runs one command in this process, with settings of its own, a terminal of `columns`, and somebody who answers, where given. */
export async function runCommand(
  args: readonly string[],
  options: {
    env: Record<string, string>;
    columns?: number;
    now?: Date;
    ask?: (question: string) => Promise<string>;
  },
): Promise<CommandResult> {
  const result: CommandResult = { out: "", err: "", exitCode: 0 };
  await runCli(args, {
    readConfig: () => readConfig(options.env),
    write: (text) => {
      result.out += text;
    },
    writeError: (text) => {
      result.err += text;
    },
    columns: options.columns ?? null,
    now: () => options.now ?? new Date(),
    ask: options.ask ?? null,
    setExitCode: (code) => {
      result.exitCode = code;
    },
  });
  return result;
}
