import type { Settings } from "../github/settings-values.ts";
import type { RepositoryMoney } from "./amounts-store.ts";

/** What is kept of a repository's settings for those who count its money. */
export function repositoryMoneyOf({ limits, publicAmounts }: Settings): RepositoryMoney {
  const { monthlyBudgetMicroUsd: month, monthlyBudgetPerUserMicroUsd: userMonth } = limits;
  const { sessionBudgetMicroUsd: session } = limits;
  return {
    ...(month === null ? {} : { month }),
    ...(userMonth === null ? {} : { userMonth }),
    ...(session === null ? {} : { session }),
    ...(publicAmounts ? { publicAmounts } : {}),
  };
}
