import { and, asc, eq, inArray, isNotNull, lt, notExists, or, sql } from "drizzle-orm";
import { z } from "zod";
import type { Db } from "../../db/client.ts";
import { delivery, task } from "../../db/schema.ts";
import { unpackPayload } from "./intake-store.ts";

export type StoredDelivery = {
  id: string;
  event: string;
  action: string | null;
  payload: unknown;
  status: string;
};

/** A delivery as the intake job needs it; `payload` is the parsed body. Null when it was pruned. */
export async function findDelivery(system: Db, id: string): Promise<StoredDelivery | null> {
  const [row] = await system
    .select({
      id: delivery.id,
      event: delivery.event,
      action: delivery.action,
      payload: delivery.payload,
      status: delivery.status,
    })
    .from(delivery)
    .where(eq(delivery.id, id));
  return row === undefined ? null : { ...row, payload: JSON.parse(unpackPayload(row.payload)) };
}

export async function finishDelivery(system: Db, id: string): Promise<void> {
  await system
    .update(delivery)
    .set({ status: "done", error: null, processedAt: sql`now()` })
    .where(eq(delivery.id, id));
}

/** For a delivery whose job has used up its attempts; a redelivery on GitHub starts it again. */
export async function buryDelivery(system: Db, id: string, error: string): Promise<void> {
  await system
    .update(delivery)
    .set({ status: "dead", error, processedAt: sql`now()` })
    .where(and(eq(delivery.id, id), eq(delivery.status, "queued")));
}

/** Which of these deliveries are here and need nothing more. */
export async function listKnownDeliveries(
  system: Db,
  ids: readonly string[],
): Promise<{ id: string; diedAt: Date | null }[]> {
  if (ids.length === 0) return [];
  const rows = await system
    .select({ id: delivery.id, status: delivery.status, processedAt: delivery.processedAt })
    .from(delivery)
    .where(inArray(delivery.id, [...ids]));
  return rows.map(({ id, status, processedAt }) => ({ id, diedAt: status === "dead" ? processedAt : null }));
}

/** Removes handled deliveries that came in before `handledBefore` and dead ones before `deadBefore`, `limit` at most. Answers how many. */
export async function deleteDeliveries(
  system: Db,
  { handledBefore, deadBefore, limit }: { handledBefore: Date; deadBefore: Date; limit: number },
): Promise<number> {
  const old = system
    .select({ id: delivery.id })
    .from(delivery)
    .where(
      or(
        and(lt(delivery.receivedAt, handledBefore), inArray(delivery.status, ["stored", "done"])),
        and(lt(delivery.receivedAt, deadBefore), eq(delivery.status, "dead")),
      ),
    )
    .limit(limit);
  const rows = await system.delete(delivery).where(inArray(delivery.id, old)).returning({ id: delivery.id });
  return rows.length;
}

const commentBody = z.object({ issue: z.object({ number: z.int() }), comment: z.object({ id: z.int() }) });

/** More than these in one repository at once is a storm, in which nobody can tell what came first. */
const maxLookedAt = 50;

/** How many comments that were written on this thread before this one still wait to be handled. */
export async function countEarlierCommands(
  system: Db,
  input: { repositoryId: number; issueNumber: number; commentId: number },
): Promise<number> {
  const madeTask = system
    .select({ id: task.id })
    .from(task)
    .where(eq(task.businessKey, delivery.businessKey));
  const rows = await system
    .select({ payload: delivery.payload })
    .from(delivery)
    .where(
      and(
        eq(delivery.repositoryId, input.repositoryId),
        eq(delivery.status, "queued"),
        eq(delivery.event, "issue_comment"),
        eq(delivery.action, "created"),
        isNotNull(delivery.businessKey),
        // Its order is settled, though its thread may not have heard of it yet.
        notExists(madeTask),
      ),
    )
    .orderBy(asc(delivery.receivedAt))
    .limit(maxLookedAt);
  return rows.filter(({ payload }) => {
    const read = commentBody.safeParse(JSON.parse(unpackPayload(payload)));
    return (
      read.success && read.data.issue.number === input.issueNumber && read.data.comment.id < input.commentId
    );
  }).length;
}
