#!/usr/bin/env node
import { readConfig } from "./config.ts";
import { toError } from "./errors.ts";
import { askOnTerminal } from "./cli/ask-on-terminal.ts";
import { runCli } from "./cli/run-cli.ts";
import { readSettings } from "./web/settings-file.ts";

for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    // `remote-claude tasks | head` has read enough.
    if (error.code === "EPIPE") process.exit(0);
    throw error;
  });
}

try {
  await runCli(process.argv.slice(2), {
    readConfig: () => readConfig(readSettings(".env", process.env)),
    write: (text) => void process.stdout.write(text),
    writeError: (text) => void process.stderr.write(text),
    ask: askOnTerminal(),
    columns: process.stdout.isTTY ? process.stdout.columns : null,
    now: () => new Date(),
    setExitCode: (code) => {
      process.exitCode = code;
    },
  });
} catch (thrown) {
  const error = toError(thrown);
  process.stderr.write(`${error.message}\n${"remedy" in error ? String(error.remedy) : ""}\n`);
  process.exitCode = 1;
}
