import { and, eq, sql } from "drizzle-orm";
import type { Tx } from "../../db/client.ts";
import { task } from "../../db/schema.ts";

/** Ends the task of a trigger that nobody has begun; its id, or null where there is none, or it has begun. */
export async function endUnbegun(
  tx: Tx,
  input: { repositoryId: number; businessKey: string; by: string },
): Promise<string | null> {
  const { by } = input;
  const [row] = await tx
    .update(task)
    .set({
      status: "cancelled",
      cancelRequestedAt: sql`now()`,
      cancelRequestedBy: by,
      finishedAt: sql`now()`,
      outcome: { kind: "cancelled", by },
    })
    .where(
      and(
        eq(task.repositoryId, input.repositoryId),
        eq(task.businessKey, input.businessKey),
        eq(task.status, "queued"),
        sql`${task.startedAt} is null`,
      ),
    )
    .returning({ id: task.id });
  return row?.id ?? null;
}
