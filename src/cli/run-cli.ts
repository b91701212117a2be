import { CommanderError, type Command } from "commander";
import { UserError } from "../errors.ts";
import { writeJson, type CliIo } from "./cli-io.ts";
import { explainDatabaseError } from "./explain-database-error.ts";
import { createProgram } from "./program.ts";
import { toTerminalBlock } from "./terminal-text.ts";

const exitFailed = 1;
const exitMisused = 2;

/**
 * Runs one command of `remote-claude` (`args` without node and script). Exit codes: 0 done, 1 it failed or the doctor
 * found something, 2 it was called in a way that it does not know. With --json an error is JSON too, on stderr.
 */
export async function runCli(args: readonly string[], io: CliIo): Promise<void> {
  const program = createProgram(io);
  prepare(program, io);
  try {
    await program.parseAsync(args, { from: "user" });
  } catch (thrown) {
    if (thrown instanceof CommanderError) {
      io.setExitCode(thrown.exitCode === 0 ? 0 : exitMisused);
      return;
    }
    io.setExitCode(exitFailed);
    report(explainDatabaseError(thrown), { io, json: args.includes("--json") });
  }
}

/** Every command throws instead of ending the process, and writes where we write. */
function prepare(command: Command, io: CliIo): void {
  command.exitOverride();
  command.configureOutput({ writeOut: (text) => io.write(text), writeErr: (text) => io.writeError(text) });
  for (const inner of command.commands) prepare(inner, io);
}

function report(error: Error, { io, json }: { io: CliIo; json: boolean }): void {
  const known = error instanceof UserError;
  if (json) {
    const facts = known
      ? { code: error.code, message: error.message, remedy: error.remedy }
      : { code: "internal", message: error.message, remedy: null };
    writeJson({ write: (text) => io.writeError(text) }, { error: facts });
    return;
  }
  const text = known ? `${error.message}\n${error.remedy}` : (error.stack ?? error.message);
  io.writeError(`${toTerminalBlock(text)}\n`);
}
