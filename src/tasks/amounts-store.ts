import { eq } from "drizzle-orm";
import { withAccount, type Db, type Tx } from "../../db/client.ts";
import { repository, type RepositoryCaps } from "../../db/schema.ts";

/** What is kept of a repository's settings beside its caps: whether amounts may be read by everybody. */
export type RepositoryMoney = RepositoryCaps & { publicAmounts?: true };

/** Whether a repository's threads may name amounts of money: on a private one, and where its settings say so. Not knowing counts as public. */
export async function showsAmounts(tx: Tx, repositoryId: number): Promise<boolean> {
  const [row] = await tx
    .select({ private: repository.private, caps: repository.caps })
    .from(repository)
    .where(eq(repository.id, repositoryId));
  if (row === undefined) return false;
  const { publicAmounts }: RepositoryMoney = row.caps;
  return row.private || publicAmounts === true;
}

/** The same for a task's thread. */
export async function threadShowsAmounts(
  deps: { db: Db },
  { accountId, repositoryId }: { accountId: string; repositoryId: number },
): Promise<boolean> {
  return withAccount(deps.db, accountId, (tx) => showsAmounts(tx, repositoryId));
}
