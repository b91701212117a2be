import { formatDuration, formatUsd } from "../github/amounts.ts";
import { findAccount } from "./account-store.ts";
import { writeJson, type CliIo } from "./cli-io.ts";
import { readUsage, type UsageWanted } from "./export-usage.ts";
import { listMergedPulls, type MergedPull } from "./merged-store.ts";
import { withCliDatabase } from "./open-cli-database.ts";
import { renderTable } from "./render-table.ts";
import type { UsageLine } from "./usage-store.ts";

/** What tasks of one repository, or of one person, came to; its JSON is a contract. */
type UsageSum = {
  name: string;
  tasks: number;
  chargeCents: number;
  priceMicroUsd: number;
  modelCostMicroUsd: number;
  machineCostMicroUsd: number;
  machineSeconds: number;
};

/** `remote-claude usage summary`: what was charged in a time by repository and by person, and what a merged pull request cost. */
export async function summarizeUsage(io: CliIo, input: UsageWanted & { json: boolean }): Promise<void> {
  const { from, to } = input;
  const { lines } = await readUsage(io, input);
  const merged = await readMerged(io, input);
  const repositories = sumBy(lines, ({ repository }) => repository);
  const users = sumBy(lines, ({ user }) => user);
  const mergedPulls = sumMerged(merged);
  if (input.json) {
    writeJson(io, {
      from,
      to,
      total: sumBy(lines, () => "total")[0] ?? null,
      repositories,
      users,
      mergedPulls,
    });
    return;
  }
  if (lines.length === 0) io.write("Nothing was charged in that time.\n");
  else io.write(`${renderSums("REPOSITORY", repositories, io)}\n${renderSums("PERSON", users, io)}`);
  if (mergedPulls.perPullMicroUsd !== null)
    io.write(
      `\n${mergedPulls.count} merged pull request${mergedPulls.count === 1 ? "" : "s"}, ${formatUsd(mergedPulls.perPullMicroUsd)} each on average.\n`,
    );
}

async function readMerged(io: CliIo, { from, to, account }: UsageWanted): Promise<MergedPull[]> {
  return withCliDatabase(io, async ({ system }) => {
    const accountId = account === null ? null : (await findAccount(system, account)).id;
    return listMergedPulls(system, { from, to, accountId });
  });
}

/** The dearest first. */
function sumBy(lines: readonly UsageLine[], nameOf: (line: UsageLine) => string): UsageSum[] {
  const groups = Map.groupBy(lines, nameOf);
  const sums = [...groups].map(([name, group]): UsageSum => {
    const total = (of: (line: UsageLine) => number) => group.reduce((sum, line) => sum + of(line), 0);
    return {
      name,
      tasks: new Set(group.map(({ taskId }) => taskId)).size,
      chargeCents: total(({ chargeCents }) => chargeCents),
      priceMicroUsd: total(({ priceMicroUsd }) => priceMicroUsd),
      modelCostMicroUsd: total(({ modelCostMicroUsd }) => modelCostMicroUsd),
      machineCostMicroUsd: total(({ machineCostMicroUsd }) => machineCostMicroUsd),
      machineSeconds: total(({ machineSeconds }) => Math.round(machineSeconds * 1_000)) / 1_000,
    };
  });
  return sums.toSorted((a, b) => b.priceMicroUsd - a.priceMicroUsd || (a.name < b.name ? -1 : 1));
}

function sumMerged(merged: readonly MergedPull[]) {
  const total = merged.reduce((sum, { priceMicroUsd }) => sum + priceMicroUsd, 0);
  const perPullMicroUsd = merged.length === 0 ? null : Math.round(total / merged.length);
  return { count: merged.length, priceMicroUsd: total, perPullMicroUsd };
}

function renderSums(of: string, sums: readonly UsageSum[], { columns }: Pick<CliIo, "columns">): string {
  return renderTable({
    heading: [of, "TASKS", "CHARGED", "MODEL", "MACHINES", "MACHINE TIME"],
    rows: sums.map((sum) => [
      sum.name,
      String(sum.tasks),
      formatUsd(sum.chargeCents * 10_000),
      formatUsd(sum.modelCostMicroUsd),
      formatUsd(sum.machineCostMicroUsd),
      formatDuration(sum.machineSeconds * 1_000),
    ]),
    columns,
  });
}
