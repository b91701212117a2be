import { eq } from "drizzle-orm";
import type { Db } from "../../db/client.ts";
import { account } from "../../db/schema.ts";
import { UserError } from "../errors.ts";

/** An account by its login. UserError when this server knows none of that name. */
export async function findAccount(
  system: Db,
  login: string,
): Promise<{ id: string; monthlyBudgetMicroUsd: number | null }> {
  const [found] = await system
    .select({ id: account.id, monthlyBudgetMicroUsd: account.monthlyBudgetMicroUsd })
    .from(account)
    .where(eq(account.login, login));
  if (found !== undefined) return found;
  throw new UserError(
    "account-unknown",
    `Expected the login of an account that this server knows, got ${JSON.stringify(login)}.`,
    "remote-claude tasks shows whose repositories there are.",
  );
}
