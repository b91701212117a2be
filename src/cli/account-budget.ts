import { withAccount } from "../../db/client.ts";
import { formatUsd } from "../github/amounts.ts";
import { updateAccountBudget } from "../usage/cap-store.ts";
import { findAccount } from "./account-store.ts";
import { writeJson, type CliIo } from "./cli-io.ts";
import { withCliDatabase } from "./open-cli-database.ts";
import { recordOperator } from "./record-operator.ts";

/**
 * `remote-claude account budget`: shows what an account's tasks may cost in a month, or sets it first: micro-USD, null for the
 * server's default, undefined to leave it. Tasks that wait for room see it at their next look.
 */
export async function setAccountBudget(
  io: CliIo,
  { login, monthMicroUsd, json }: { login: string; monthMicroUsd: number | null | undefined; json: boolean },
): Promise<void> {
  const budget = await withCliDatabase(io, async ({ db, system }, config) => {
    const found = await findAccount(system, login);
    if (monthMicroUsd !== undefined) {
      const { id: accountId } = found;
      await recordOperator(system, {
        accountId,
        command: "account budget",
        data: { microUsd: monthMicroUsd },
      });
      await withAccount(db, accountId, (tx) => updateAccountBudget(tx, { accountId, monthMicroUsd }));
    }
    const own = monthMicroUsd === undefined ? found.monthlyBudgetMicroUsd : monthMicroUsd;
    return { own, inForce: own ?? config.limits.accountMonthMicroUsd };
  });
  if (json) {
    writeJson(io, { account: login, monthlyBudgetMicroUsd: budget.inForce, isDefault: budget.own === null });
    return;
  }
  const origin = budget.own === null ? ", the server's default" : "";
  io.write(`The tasks of ${login} may cost ${formatUsd(budget.inForce)} in a calendar month${origin}.\n`);
}
