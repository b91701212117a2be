import { type Command, InvalidArgumentError, Option } from "commander";
import type { CliIo } from "./cli-io.ts";
import { exportUsage } from "./export-usage.ts";
import { summarizeUsage } from "./summarize-usage.ts";

type Range = { from?: string; to?: string; account?: string };

/** Adds `remote-claude usage` to the program. */
export function addUsage(program: Command, io: CliIo): void {
  const usage = program.command("usage").description("what tasks were charged and what they cost");
  withRange(usage.command("export"))
    .description("print what was charged, a line a leg of a task, with the address of its pull request")
    .addOption(new Option("--format <format>", "of the output").choices(["csv", "json"]).default("csv"))
    .action((options: Range & { format: "csv" | "json" }) =>
      exportUsage(io, { ...wantedOf(options), format: options.format }),
    );
  withRange(usage.command("summary"))
    .description("add it up by repository and by person, and say what a merged pull request cost")
    .option("--json", "print one JSON value, for programs")
    .action((options: Range & { json?: true }) =>
      summarizeUsage(io, { ...wantedOf(options), json: options.json === true }),
    );
}

const withRange = (command: Command): Command =>
  command
    .option("--from <day>", "the first day (UTC), such as 2026-11-01", readDay)
    .option("--to <day>", "the last day (UTC)", readDay)
    .option("--account <login>", "only of this account");

const wantedOf = ({ from, to, account }: Range) => ({
  from: from ?? null,
  to: to ?? null,
  account: account ?? null,
});

function readDay(text: string): string {
  const day = new Date(`${text}T00:00:00Z`);
  if (/^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(day.getTime()) && day.toISOString().startsWith(text))
    return text;
  throw new InvalidArgumentError("Expected a day such as 2026-11-30.");
}
