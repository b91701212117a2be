import { type Command, InvalidArgumentError } from "commander";
import type { CliIo } from "./cli-io.ts";
import { correctOneCharge } from "./correct-charge.ts";
import { resendCharge, showOutbox } from "./outbox.ts";
import { reconcileBilling } from "./reconcile-billing.ts";
import { setUpBilling } from "./set-up-billing.ts";

type CorrectOptions = { leg: number; amount: number; reason: string; json?: true };

/** Adds `remote-claude billing` to the program. */
export function addBilling(program: Command, io: CliIo, readLimit: (text: string) => number): void {
  const billing = program.command("billing").description("the plan that accounts pay for, and their charges");
  billing
    .command("setup")
    .description("make meter, product, prices and portal at Stripe, and leave alone what is there already")
    .option("--dry-run", "make nothing; show what is there and what would be made")
    .option("--json", "print one JSON value, for programs")
    .action((options: { dryRun?: true; json?: true }) =>
      setUpBilling(io, { dryRun: options.dryRun === true, json: options.json === true }),
    );
  billing
    .command("reconcile")
    .description("look for charges of which nobody knows, and compare what was sent with what Stripe counted")
    .option("--json", "print one JSON value, for programs")
    .action((options: { json?: true }) => reconcileBilling(io, { json: options.json === true }));
  addOutbox(billing, io, readLimit);
  billing
    .command("correct")
    .description("put right what is owed for a leg of a task; nothing is edited, a revision is added")
    .argument("<task>", "its id, or the first digits of it")
    .requiredOption("--amount <dollars>", "what is to be owed in the end, such as 0 or 1.50", readCents)
    .requiredOption("--reason <words>", "for the ledger, such as goodwill", readReason)
    .option("--leg <number>", "which leg: a task has a further one after each question", readLeg, 1)
    .option("--json", "print one JSON value, for programs")
    .action((task: string, { leg, amount, reason, json }: CorrectOptions) =>
      correctOneCharge(io, { task, leg, amountCents: amount, reason, json: json === true }),
    );
}

function addOutbox(billing: Command, io: CliIo, readLimit: (text: string) => number): void {
  const outbox = billing.command("outbox").description("charges on their way to Stripe");
  outbox
    .command("list")
    .description("list what Stripe has not taken yet, and why")
    .option("--all", "what it has taken as well")
    .option("--limit <n>", "how many", readLimit, 50)
    .option("--json", "print one JSON value, for programs")
    .action((options: { all?: true; limit: number; json?: true }) =>
      showOutbox(io, { limit: options.limit, all: options.all === true, json: options.json === true }),
    );
  outbox
    .command("resend")
    .description("send a charge again that was looked for at Stripe and is not there")
    .argument("<charge>", "its identifier, as billing outbox list shows it")
    .option("--json", "print one JSON value, for programs")
    .action((charge: string, options: { json?: true }) =>
      resendCharge(io, { charge, json: options.json === true }),
    );
}

function readCents(text: string): number {
  if (/^\d{1,6}(\.\d{1,2})?$/.test(text)) return Math.round(Number(text) * 100);
  throw new InvalidArgumentError("Expected dollars from 0 to 999999 with cents at most, such as 1.50.");
}

function readReason(text: string): string {
  const words = text.trim();
  if (words.length > 0 && words.length <= 200) return words;
  throw new InvalidArgumentError("Expected 1 to 200 characters.");
}

function readLeg(text: string): number {
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("Expected a whole number from 1.");
}
