import { and, eq, ne, sql } from "drizzle-orm";
import type { Tx } from "../../db/client.ts";
import { step } from "../../db/schema.ts";
import { assertFence } from "./fence-store.ts";
import type { StepHolder } from "./step-store.ts";

/** How often a task was set back. */
export type Setbacks = {
  /** Machines lost, in all. */
  lost: number;
  /** Attempts in a row that got no answer, and for how long that goes on, ms; both 0 after a machine was lost. */
  away: number;
  awayMs: number;
};

type Note = { lost: number; away: number; doneSteps: number };

const name = "setbacks";

/** Counts one more setback under the claim's fence. An attempt that finished a step begins the row of "away" anew. */
export async function recordSetback(tx: Tx, holder: StepHolder, kind: "lost" | "away"): Promise<Setbacks> {
  await assertFence(tx, holder);
  const own = and(eq(step.taskId, holder.taskId), eq(step.name, name));
  const [row] = await tx
    .select({
      result: step.result,
      ageMs: sql<number>`(extract(epoch from now() - ${step.startedAt}) * 1000)::int`,
    })
    .from(step)
    .where(own)
    .for("update");
  const before = row === undefined ? { lost: 0, away: 0, doneSteps: 0 } : (row.result as Note);
  const done = and(eq(step.taskId, holder.taskId), eq(step.status, "done"), ne(step.name, name));
  const doneSteps = await tx.$count(step, done);
  const goesOn = kind === "away" && before.away > 0 && before.doneSteps === doneSteps;
  const note: Note =
    kind === "lost"
      ? { lost: before.lost + 1, away: 0, doneSteps }
      : { lost: before.lost, away: goesOn ? before.away + 1 : 1, doneSteps };
  const { fence } = holder;
  await tx
    .insert(step)
    .values({ ...holder, name, status: "started", result: note })
    .onConflictDoUpdate({
      target: [step.taskId, step.name],
      set: { fence, result: note, startedAt: goesOn ? sql`${step.startedAt}` : sql`now()` },
    });
  return { lost: note.lost, away: note.away, awayMs: goesOn ? (row?.ageMs ?? 0) : 0 };
}
