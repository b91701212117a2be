import { readFileSync } from "node:fs";
import { Command, InvalidArgumentError } from "commander";
import { z } from "zod";
import { addAccount } from "./account-command.ts";
import { addAudit } from "./audit-command.ts";
import { addBilling } from "./billing-command.ts";
import type { CliIo } from "./cli-io.ts";
import { runDoctor } from "./doctor.ts";
import { killSandboxes } from "./kill-sandboxes.ts";
import { killSession } from "./kill-session.ts";
import { showSandboxes } from "./list-sandboxes.ts";
import { showSessions } from "./list-sessions.ts";
import { readRepository, readStatuses, showTasks } from "./list-tasks.ts";
import { addQueue } from "./queue-command.ts";
import { runMigrateDown, runMigrateStatus, runMigrateUp } from "./run-migrations.ts";
import { showTask } from "./show-task.ts";
import { addUsage } from "./usage-command.ts";

const { version } = z
  .object({ version: z.string() })
  .parse(JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")));

type Json = { json?: true };
const jsonOption = ["--json", "print one JSON value, for programs"] as const;

/** The commands of `remote-claude`, each wired to its function. */
export function createProgram(io: CliIo): Command {
  const program = new Command("remote-claude")
    .description("Looks after a Remote Claude server: its tasks, its sessions, its health.")
    .version(version)
    .showHelpAfterError("(--help shows what there is)")
    .addHelpText(
      "after",
      "\nSettings are read from the environment and from .env in this folder, as the server does.",
    );

  program
    .command("tasks")
    .description("list the newest tasks")
    .option("--repo <owner/name>", "only of this repository")
    .option("--status <states>", "only in these states, separated by commas")
    .option("--limit <n>", "how many", wholeNumber(1, 1_000), 20)
    .option(...jsonOption)
    .action((options: { repo?: string; status?: string; limit: number } & Json) =>
      showTasks(io, {
        repository: options.repo === undefined ? null : readRepository(options.repo),
        statuses: options.status === undefined ? [] : readStatuses(options.status),
        limit: options.limit,
        json: options.json === true,
      }),
    );

  program
    .command("show")
    .description("show one task: prompt, steps, events, usage, outcome, receipt")
    .argument("<task>", "its id, or the first digits of it")
    .option(...jsonOption)
    .action((task: string, options: Json) => showTask(io, { task, json: options.json === true }));

  addSession(program, io);
  addSandbox(program, io);
  addAccount(program, io);
  addUsage(program, io);
  addBilling(program, io, wholeNumber(1, 10_000));
  addQueue(program, io, wholeNumber(1, 10_000));
  addAudit(program, io, wholeNumber(1, 10_000));
  addMigrate(program, io);

  program
    .command("doctor")
    .description(
      "check the server's surroundings and say how to mend what is wrong; exit code 1 when something is",
    )
    .option(...jsonOption)
    .action((options: Json) => runDoctor(io, { json: options.json === true }));
  return program;
}

function addSession(program: Command, io: CliIo): void {
  const session = program.command("session").description("the conversations and their machines");
  session
    .command("list")
    .description("list the open sessions")
    .option("--all", "the ended ones too")
    .option("--limit <n>", "how many", wholeNumber(1, 1_000), 50)
    .option(...jsonOption)
    .action((options: { all?: true; limit: number } & Json) =>
      showSessions(io, { all: options.all === true, limit: options.limit, json: options.json === true }),
    );
  session
    .command("kill")
    .description("stop a session's tasks, end it and its machine")
    .argument("<session>", "its id, or the first digits of it")
    .option(...jsonOption)
    .action((id: string, options: Json) => killSession(io, { session: id, json: options.json === true }));
}

function addSandbox(program: Command, io: CliIo): void {
  const sandbox = program.command("sandbox").description("the machines, at all providers");
  sandbox
    .command("list")
    .description("list the machines that the providers name or that are recorded")
    .option("--all", "the ended ones too")
    .option("--limit <n>", "how many recorded ones", wholeNumber(1, 10_000), 200)
    .option(...jsonOption)
    .action((options: { all?: true; limit: number } & Json) =>
      showSandboxes(io, { all: options.all === true, limit: options.limit, json: options.json === true }),
    );
  sandbox
    .command("kill")
    .description("end a machine, or every one; the sessions go on from their checkpoints")
    .argument("[provider/id]", "as sandbox list shows it")
    .option("--all", "every machine of ours at every configured provider")
    .option("--yes", "do not ask")
    .option(...jsonOption)
    .action((ref: string | undefined, options: { all?: true; yes?: true } & Json) =>
      killSandboxes(io, {
        ref,
        all: options.all === true,
        yes: options.yes === true,
        json: options.json === true,
      }),
    );
}

function addMigrate(program: Command, io: CliIo): void {
  const migrate = program.command("migrate").description("the database's schema");
  migrate
    .command("up")
    .description("bring it up to this release (npm start does so by itself)")
    .option(...jsonOption)
    .action((options: Json) => runMigrateUp(io, { json: options.json === true }));
  migrate
    .command("status")
    .description("show what has been applied and what is pending")
    .option(...jsonOption)
    .action((options: Json) => runMigrateStatus(io, { json: options.json === true }));
  migrate
    .command("down")
    .description("take the newest migrations back, with all that they had stored")
    .argument("[steps]", "how many", wholeNumber(1, 1_000), 1)
    .option("--yes", "do it")
    .option(...jsonOption)
    .action((steps: number, options: { yes?: true } & Json) =>
      runMigrateDown(io, { steps, yes: options.yes === true, json: options.json === true }),
    );
}

function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`Expected a whole number from ${min} to ${max}.`);
  };
}
