import { findAccount } from "./account-store.ts";
import { writeJson, type CliIo } from "./cli-io.ts";
import { withCliDatabase } from "./open-cli-database.ts";
import { listUsage, type UsageLine } from "./usage-store.ts";

export type UsageWanted = { from: string | null; to: string | null; account: string | null };

type ExportedLine = UsageLine & {
  /** Of the pull request, else of the issue. */
  url: string;
  issueUrl: string;
  pullUrl: string | null;
};

/** The columns of the CSV, and the keys of each line of the JSON, in their order: a contract. */
const columns = [
  ...(["chargedAt", "account", "repository", "user", "taskId", "leg", "verb", "status", "reason"] as const),
  ...(["issueNumber", "pullNumber", "url", "card", "chargeCents", "priceMicroUsd"] as const),
  ...(["modelCostMicroUsd", "machineCostMicroUsd", "machineSeconds"] as const),
] satisfies (keyof ExportedLine)[];

/** `remote-claude usage export`: what was charged in a time, a line a leg, each with the address of its pull request. */
export async function exportUsage(
  io: CliIo,
  { format, ...wanted }: UsageWanted & { format: "csv" | "json" },
): Promise<void> {
  const { lines, serverUrl } = await readUsage(io, wanted);
  const rows = lines.map((line) => toExported(line, serverUrl));
  if (format === "json") {
    writeJson(io, { from: wanted.from, to: wanted.to, lines: rows.map(pick) });
    return;
  }
  io.write(`${[columns.join(","), ...rows.map(toCsv)].join("\r\n")}\r\n`);
}

/** The lines of a time, and the address of the GitHub that they lead to. */
export async function readUsage(
  io: CliIo,
  { from, to, account }: UsageWanted,
): Promise<{ lines: UsageLine[]; serverUrl: string }> {
  return withCliDatabase(io, async ({ system }, config) => {
    const accountId = account === null ? null : (await findAccount(system, account)).id;
    const lines = await listUsage(system, { from, to, accountId });
    return { lines, serverUrl: config.github.serverUrl };
  });
}

function toExported(line: UsageLine, serverUrl: string): ExportedLine {
  const home = `${serverUrl}/${line.repository}`;
  const issueUrl = `${home}/issues/${line.issueNumber}`;
  const pullUrl = line.pullNumber === null ? null : `${home}/pull/${line.pullNumber}`;
  return { ...line, issueUrl, pullUrl, url: pullUrl ?? issueUrl };
}

const pick = (line: ExportedLine) => Object.fromEntries(columns.map((key) => [key, line[key]]));

const toCsv = (line: ExportedLine): string => columns.map((key) => csvField(line[key])).join(",");

/** As RFC 4180 has it; a text that a spreadsheet would take for a formula is kept a text. */
function csvField(value: string | number | null): string {
  if (value === null) return "";
  if (typeof value === "number") return String(value);
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
