import { type Command, InvalidArgumentError } from "commander";
import { setAccountBudget } from "./account-budget.ts";
import type { CliIo } from "./cli-io.ts";

/** Adds `remote-claude account` to the program. */
export function addAccount(program: Command, io: CliIo): void {
  program
    .command("account")
    .description("the organisations and people that the App is installed for")
    .command("budget")
    .description("show or set what an account's tasks may cost in a calendar month (UTC); in force at once")
    .argument("<login>", "the account's name on GitHub")
    .argument("[dollars]", "such as 200; default: the server's ACCOUNT_MONTHLY_BUDGET_USD", readDollars)
    .option("--json", "print one JSON value, for programs")
    .action((login: string, monthMicroUsd: number | null | undefined, options: { json?: true }) =>
      setAccountBudget(io, { login, monthMicroUsd, json: options.json === true }),
    );
}

/** Micro-USD; null: the server's default. */
function readDollars(text: string): number | null {
  if (text === "default") return null;
  const dollars = Number(text);
  if (/^\d+(\.\d{1,2})?$/.test(text) && dollars >= 0.01 && dollars <= 1_000_000)
    return Math.round(dollars * 1_000_000);
  throw new InvalidArgumentError('Expected dollars from 0.01 to 1000000, such as 200, or "default".');
}
