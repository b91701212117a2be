import { and, eq, isNull, sql } from "drizzle-orm";
import type { Tx } from "../../db/client.ts";
import { repository } from "../../db/schema.ts";

export type OwnerRepository = { id: number; owner: string; name: string };

/** The owner's `.github` repository, where the same installation covers it; else null. */
export async function findOwnerRepository(
  tx: Tx,
  input: { installationId: number; owner: string },
): Promise<OwnerRepository | null> {
  const [row] = await tx
    .select({ id: repository.id, owner: repository.owner, name: repository.name })
    .from(repository)
    .where(
      and(
        eq(repository.installationId, input.installationId),
        sql`lower(${repository.owner}) = lower(${input.owner})`,
        eq(repository.name, ".github"),
        isNull(repository.removedAt),
      ),
    );
  return row ?? null;
}
