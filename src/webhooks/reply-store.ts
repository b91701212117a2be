import { and, eq, isNotNull, sql } from "drizzle-orm";
import type { Tx } from "../../db/client.ts";
import { reply } from "../../db/schema.ts";

export type ReplyKey = {
  accountId: string;
  repositoryId: number;
  issueNumber: number;
  kind: string;
  key: string;
};

/** How long somebody may take to write a reply before they are taken for dead. */
const handoverMs = 15_000;

export type ReplyClaim =
  /** Ours to write; `mayStand`: somebody began before us, so it has to be looked for first. */
  { mine: true; mayStand: boolean } | { mine: false; state: "said" | "being-said" };

/** Claims a reply of a thread, so that it is written once whoever else answers at the same moment. */
export async function claimReply(tx: Tx, input: ReplyKey): Promise<ReplyClaim> {
  const made = await tx.insert(reply).values(input).onConflictDoNothing().returning({ key: reply.key });
  if (made.length > 0) return { mine: true, mayStand: false };
  const [taken] = await tx
    .update(reply)
    .set({ startedAt: sql`now()` })
    .where(
      and(
        isReply(input),
        sql`${reply.saidAt} is null and ${reply.startedAt} < now() - ${handoverMs}::int * interval '1 millisecond'`,
      ),
    )
    .returning({ key: reply.key });
  if (taken !== undefined) return { mine: true, mayStand: true };
  const [row] = await tx.select({ saidAt: reply.saidAt }).from(reply).where(isReply(input));
  return { mine: false, state: (row?.saidAt ?? null) === null ? "being-said" : "said" };
}

export async function recordReply(tx: Tx, input: ReplyKey): Promise<void> {
  await tx
    .update(reply)
    .set({ saidAt: sql`now()` })
    .where(isReply(input));
}

/** When a reply was begun that stands on its thread; null: there is none. */
export async function findReply(tx: Tx, input: ReplyKey): Promise<Date | null> {
  const [row] = await tx
    .select({ startedAt: reply.startedAt })
    .from(reply)
    .where(and(isReply(input), isNotNull(reply.saidAt)));
  return row?.startedAt ?? null;
}

/** Lets a reply go that could not be written, for the next attempt to claim at once. */
export async function releaseReply(tx: Tx, input: ReplyKey): Promise<void> {
  await tx
    .update(reply)
    .set({ startedAt: sql`now() - ${handoverMs + 1}::int * interval '1 millisecond'` })
    .where(and(isReply(input), sql`${reply.saidAt} is null`));
}

function isReply({ repositoryId, issueNumber, kind, key }: ReplyKey) {
  return and(
    eq(reply.repositoryId, repositoryId),
    eq(reply.issueNumber, issueNumber),
    eq(reply.kind, kind),
    eq(reply.key, key),
  );
}
