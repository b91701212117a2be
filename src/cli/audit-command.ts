import type { Command } from "commander";
import type { CliIo } from "./cli-io.ts";
import { readActs, showAudit } from "./list-audit.ts";
import { verifyAuditLog } from "./verify-audit.ts";

/** Adds `remote-claude audit` to the program; `readLimit` is its parser of numbers. */
export function addAudit(program: Command, io: CliIo, readLimit: (text: string) => number): void {
  const audit = program.command("audit").description("the log of who did what");
  audit
    .command("list")
    .description("list the newest acts")
    .option("--account <login>", "only of this account; server: what belongs to none")
    .option("--act <acts>", "only these, separated by commas")
    .option("--limit <n>", "how many", readLimit, 50)
    .option("--json", "print one JSON value, for programs")
    .action((options: { account?: string; act?: string; limit: number; json?: true }) =>
      showAudit(io, {
        account: options.account ?? null,
        acts: options.act === undefined ? [] : readActs(options.act),
        limit: options.limit,
        json: options.json === true,
      }),
    );
  audit
    .command("verify")
    .description("hold the log against its hashes; exit code 1 when something was changed")
    .option("--account <login>", "only of this account")
    .option("--json", "print one JSON value, for programs")
    .action((options: { account?: string; json?: true }) =>
      verifyAuditLog(io, { account: options.account ?? null, json: options.json === true }),
    );
}
