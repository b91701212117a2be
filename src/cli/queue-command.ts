import type { Command } from "commander";
import type { CliIo } from "./cli-io.ts";
import { requeueDeadLetters, showDeadLetters } from "./dead-letters.ts";

/** Adds `remote-claude queue` to the program; `readLimit` is its parser of numbers. */
export function addQueue(program: Command, io: CliIo, readLimit: (text: string) => number): void {
  const queue = program.command("queue").description("webhooks that could not be handled");
  queue
    .command("dead")
    .description("list deliveries whose attempts are used up, and why")
    .option("--limit <n>", "how many", readLimit, 50)
    .option("--json", "print one JSON value, for programs")
    .action((options: { limit: number; json?: true }) =>
      showDeadLetters(io, { limit: options.limit, json: options.json === true }),
    );
  queue
    .command("requeue")
    .description("handle a parked delivery again")
    .argument("[delivery]", "its id, as queue dead shows it")
    .option("--all", "every parked one")
    .option("--json", "print one JSON value, for programs")
    .action((delivery: string | undefined, options: { all?: true; json?: true }) =>
      requeueDeadLetters(io, { delivery, all: options.all === true, json: options.json === true }),
    );
}
