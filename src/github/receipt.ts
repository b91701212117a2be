import { z } from "zod";
import { formatCount, formatDuration, formatPlural, formatUsd } from "./amounts.ts";
import { renderFolded } from "./folded-text.ts";
import { toInlineCode, toInlineText } from "./inline-text.ts";
import { hasPassed, renderCheck, renderFailure, serverCheckSchema } from "./server-check.ts";

const whole = z.int().min(0);

/** What a task did and cost, as the server saw it; stored with the task and printed by `remote-claude show --json`. */
export const receiptSchema = z.strictObject({
  /** Read back from GitHub after the push; null: nothing was pushed. */
  remoteSha: z.string().nullable(),
  branch: z.string().nullable(),
  pullNumber: z.int().nullable(),
  files: z.array(z.strictObject({ path: z.string(), additions: whole, deletions: whole })),
  totals: z.strictObject({ files: whole, additions: whole, deletions: whole }),
  /** What Claude ran, as it reported it; `ok` null: it had not ended. */
  commands: z.array(z.strictObject({ command: z.string(), ok: z.boolean().nullable() })),
  /** Commands beyond those listed. */
  droppedCommands: whole,
  /** The repository's own test commands, run by the server after the turn; none when there was nothing to test. */
  checks: z.array(serverCheckSchema),
  durationMs: z.number().min(0),
  models: z.array(z.string()),
  tokens: z.strictObject({ input: whole, output: whole, cacheRead: whole, cacheWrite: whole }),
  /** Of the model and the machine together, at the vendors' prices. */
  costMicroUsd: whole,
  /** What of it the machine took. Receipts of before it was metered have none. */
  machine: z
    .strictObject({ durationMs: whole, costMicroUsd: whole })
    .default({ durationMs: 0, costMicroUsd: 0 }),
  /** What the payer is charged; null: this server charges nobody. */
  priceMicroUsd: whole.nullable(),
  payer: z.string(),
  charged: z.boolean(),
  /** Why nothing is charged; null when something is. */
  reason: z.string().nullable(),
});

export type Receipt = z.infer<typeof receiptSchema>;

const maxRows = 20;

type Shown = { full: boolean; amounts: boolean };

/**
 * The receipt as a folded block of Markdown, under what failed; `full: false` leaves the lists of files and commands out,
 * `amounts: false` what everything cost.
 */
export function renderReceipt(receipt: Receipt, options: Shown = { full: true, amounts: true }): string {
  const { totals } = receipt;
  const changed =
    totals.files === 0
      ? "no files changed"
      : `${formatPlural(totals.files, "file")} +${totals.additions} −${totals.deletions}`;
  const cost = options.amounts ? `, ${formatUsd(receipt.costMicroUsd)}` : "";
  const summary = `Receipt: ${changed}, ${formatDuration(receipt.durationMs)}${cost}`;
  const blocks = [
    renderFailure(receipt.checks) ?? "",
    `<details><summary>${summary}</summary>`,
    renderTable(receipt, options),
    ...(options.full ? [renderFiles(receipt), renderCommands(receipt), renderChecks(receipt)] : []),
    "</details>",
  ];
  return blocks.filter((block) => block !== "").join("\n\n");
}

function renderTable(receipt: Receipt, shown: Shown): string {
  const { tokens, machine } = receipt;
  const machineCost = shown.amounts ? `, ${formatUsd(machine.costMicroUsd)}` : "";
  const rows: [string, string][] = [
    [
      "Pushed",
      receipt.remoteSha === null ? "nothing" : `\`${receipt.remoteSha.slice(0, 12)}\`, read back from GitHub`,
    ],
    ...row(receipt.branch !== null, "Branch", toInlineCode(receipt.branch ?? "", 250)),
    ...row(receipt.pullNumber !== null, "Pull request", `#${receipt.pullNumber}`),
    ["Time", formatDuration(receipt.durationMs)],
    ["Model", receipt.models.map((model) => toInlineCode(model, 60)).join(", ") || "none was asked"],
    [
      "Tokens",
      `${formatCount(tokens.input)} in, ${formatCount(tokens.output)} out, ${formatCount(tokens.cacheRead)} from cache, ${formatCount(tokens.cacheWrite)} into cache`,
    ],
    ...row(shown.amounts, "Model cost", formatUsd(receipt.costMicroUsd - machine.costMicroUsd)),
    ...row(machine.durationMs > 0, "Machine", `${formatDuration(machine.durationMs)}${machineCost}`),
    ["Charged", renderCharge(receipt, shown)],
  ];
  return ["| | |", "|---|---|", ...rows.map(([name, value]) => `| ${name} | ${value} |`)].join("\n");
}

const row = (is: boolean, name: string, value: string): [string, string][] => (is ? [[name, value]] : []);

/** Who pays how much, or why nobody does; without a full stop. */
export function renderCharge(
  { charged, payer, priceMicroUsd, reason }: Receipt,
  { amounts }: { amounts: boolean } = { amounts: true },
): string {
  if (charged && priceMicroUsd !== null)
    return `${amounts ? `${formatUsd(priceMicroUsd)} ` : ""}to ${toInlineText(payer, 60)}`;
  return `nothing${reason === null ? "" : `: ${toInlineText(reason)}`}`;
}

function renderFiles({ files, totals }: Receipt): string {
  if (files.length === 0) return "";
  const rows = files
    .slice(0, maxRows)
    .map((file) => `- ${toInlineCode(file.path)} +${file.additions} −${file.deletions}`);
  return [`**Files**`, [...rows, ...more(totals.files - rows.length, "file")].join("\n")].join("\n\n");
}

function renderCommands({ commands, droppedCommands }: Receipt): string {
  if (commands.length === 0) return "";
  const rows = commands
    .slice(0, maxRows)
    .map(({ command, ok }) => `- ${sign(ok)} ${toInlineCode(command, 120)}`);
  const left = commands.length - rows.length + droppedCommands;
  return ["**Commands, as Claude reported them**", [...rows, ...more(left, "command")].join("\n")].join(
    "\n\n",
  );
}

function renderChecks({ checks }: Receipt): string {
  if (checks.length === 0) return "";
  const rows = checks.slice(0, maxRows).map((check) => `- ${renderCheck(check)}`);
  const told = checks.find((check) => !hasPassed(check) && check.tail !== "");
  return [
    "**Tests, run by the server**",
    [...rows, ...more(checks.length - rows.length, "command")].join("\n"),
    ...(told === undefined ? [] : [renderFolded("The end of its output", "text", told.tail)]),
  ].join("\n\n");
}

function sign(ok: boolean | null): string {
  if (ok === null) return "▫️";
  return ok ? "✅" : "❌";
}

function more(count: number, noun: string): string[] {
  return count > 0 ? [`- and ${formatPlural(count, `more ${noun}`)}`] : [];
}
