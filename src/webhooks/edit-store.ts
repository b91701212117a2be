import { and, count, desc, eq, gte } from "drizzle-orm";
import { z } from "zod";
import { withAccount, type Db } from "../../db/client.ts";
import { delivery, ignoredTrigger } from "../../db/schema.ts";
import { unpackPayload } from "./intake-store.ts";

export type Edit = { editor: { id: number; login: string }; at: Date };

export type IssueText = { number: number; title: string; body: string | null };

type IssueRef = { repositoryId: number; issueNumber: number };

const edited = z.object({
  changes: z.object({ body: z.unknown(), title: z.unknown() }).partial(),
  issue: z.object({ number: z.int(), title: z.string(), body: z.string().nullable() }),
  sender: z.object({ id: z.int(), login: z.string() }),
});

/** More edits than these in one repository are not looked at. */
const maxLookedAt = 500;

/** The change since then that gave an issue this title and body; null when none is known. */
export async function findEdit(
  deps: { system: Db },
  { repositoryId, issue, since }: { repositoryId: number; issue: IssueText; since: Date },
): Promise<Edit | null> {
  const rows = await deps.system
    .select({ payload: delivery.payload, at: delivery.receivedAt })
    .from(delivery)
    .where(
      and(
        gte(delivery.receivedAt, since),
        eq(delivery.repositoryId, repositoryId),
        eq(delivery.event, "issues"),
        eq(delivery.action, "edited"),
      ),
    )
    .orderBy(desc(delivery.receivedAt))
    .limit(maxLookedAt);
  for (const { payload, at } of rows) {
    const read = edited.safeParse(JSON.parse(unpackPayload(payload)));
    if (!read.success || !isSameText(read.data.issue, issue)) continue;
    const { changes, sender } = read.data;
    if (changes.body !== undefined || changes.title !== undefined) return { editor: sender, at };
  }
  return null;
}

const isSameText = (one: IssueText, other: IssueText): boolean =>
  one.number === other.number && one.title === other.title && (one.body ?? "") === (other.body ?? "");

/** Whether somebody has been told since then that the issue's text was edited. */
export async function wasToldOfEdit(
  deps: { db: Db },
  { accountId, repositoryId, issueNumber, since }: IssueRef & { accountId: string; since: Date },
): Promise<boolean> {
  return withAccount(deps.db, accountId, async (tx) => {
    const [row] = await tx
      .select({ n: count() })
      .from(ignoredTrigger)
      .where(
        and(
          eq(ignoredTrigger.repositoryId, repositoryId),
          eq(ignoredTrigger.issueNumber, issueNumber),
          eq(ignoredTrigger.reason, "body-edited"),
          gte(ignoredTrigger.at, since),
        ),
      );
    return (row?.n ?? 0) > 0;
  });
}
