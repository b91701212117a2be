import { and, eq, isNotNull, isNull, notInArray, or } from "drizzle-orm";
import type { Tx } from "../../db/client.ts";
import { session } from "../../db/schema.ts";

/** The open sessions whose pull request, one of ours, may go into this branch. */
export async function listSessionsOnto(
  tx: Tx,
  { repositoryId, baseRef }: { repositoryId: number; baseRef: string },
): Promise<string[]> {
  const rows = await tx
    .select({ id: session.id })
    .from(session)
    .where(
      and(
        eq(session.repositoryId, repositoryId),
        eq(session.writes, "own-branch"),
        isNotNull(session.pullNumber),
        notInArray(session.status, ["terminated", "failed"]),
        // Without a note of it, the pull request itself will tell.
        or(isNull(session.baseRef), eq(session.baseRef, baseRef)),
      ),
    );
  return rows.map(({ id }) => id);
}
