import { and, desc, eq } from "drizzle-orm";
import type { Db } from "../../db/client.ts";
import { delivery, repository } from "../../db/schema.ts";
import type { Queue } from "../queue/queue.ts";

/** One line of `remote-claude queue dead`; its JSON is a contract. */
export type DeadDelivery = {
  id: string;
  event: string;
  action: string | null;
  repository: string | null;
  /** What the last attempt ended with. */
  error: string | null;
  receivedAt: Date;
  diedAt: Date | null;
};

/** Deliveries whose attempts are used up, the newest first. */
export async function listDeadDeliveries(system: Db, limit: number): Promise<DeadDelivery[]> {
  const rows = await system
    .select({ delivery, owner: repository.owner, name: repository.name })
    .from(delivery)
    .leftJoin(repository, eq(repository.id, delivery.repositoryId))
    .where(eq(delivery.status, "dead"))
    .orderBy(desc(delivery.receivedAt))
    .limit(limit);
  return rows.map(({ delivery: { id, event, action, error, receivedAt, processedAt }, owner, name }) => ({
    ...{ id, event, action, error, receivedAt, diedAt: processedAt },
    repository: owner === null || name === null ? null : `${owner}/${name}`,
  }));
}

/** Gives a dead delivery another life, with a job of its own; false when it is not dead, or not there. */
export async function requeueDelivery(
  deps: { system: Db; queue: Pick<Queue, "enqueue"> },
  deliveryId: string,
): Promise<boolean> {
  return deps.system.transaction(async (tx) => {
    const rows = await tx
      .update(delivery)
      .set({ status: "queued", error: null, processedAt: null })
      .where(and(eq(delivery.id, deliveryId), eq(delivery.status, "dead")))
      .returning({ id: delivery.id });
    if (rows.length === 0) return false;
    await deps.queue.enqueue(tx, "intake", { deliveryId });
    return true;
  });
}
