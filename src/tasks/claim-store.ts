import { and, eq, inArray, ne, sql } from "drizzle-orm";
import type { Tx } from "../../db/client.ts";
import { account, session, step, task } from "../../db/schema.ts";
import type { Session } from "../sessions/session-store.ts";
import { readCaps, readRest } from "../usage/cap-store.ts";
import { judgeCaps } from "../usage/caps.ts";
import { sayCapReached } from "./cap-words.ts";
import { fencedError } from "./fence-store.ts";
import { showsAmounts } from "./amounts-store.ts";
import { setCapNotice } from "./money-store.ts";
import { judgePlan, type PlanTerms } from "./judge-plan.ts";
import { findPlace, type Place } from "./place-store.ts";
import { readLimits } from "./queue-turn-store.ts";
import { settleOvertaken } from "./settle-store.ts";
import { busyStatuses, toTask, type Task } from "./task-store.ts";

export type Claim = { task: Task; session: Session; fence: number };
export type ClaimResult =
  | ({ ok: true } & Claim)
  | { ok: false; reason: "missing" | "ended" | "waiting" }
  /** limit-full: the repository's settings let no more of its tasks, or of this person's, run at once. */
  | { ok: false; reason: "account-full" | "limit-full"; place: Place }
  /** No budget that it stands under has room for what it may cost, or the plan lets nothing begin. `news`: its row says so only now. */
  | { ok: false; reason: "cap-reached"; place: Place; news: boolean }
  | { ok: false; reason: "cancelled" | "failed-too-often"; task: Task };

const maxFailures = 3;

/**
 * Takes the task for this worker: raises its fence, so that whoever held it before can do nothing more. The
 * account's row is locked meanwhile, which makes its limit exact. An attempt that ended without saying so
 * (a killed worker) counts as a failure unless it had got further than the one before it. What a lost turn used
 * is written down as ours to pay.
 */
export async function claimTask(
  tx: Tx,
  input: { taskId: string; accountId: string },
  caps: { defaultMonthMicroUsd: number; plan?: PlanTerms | null },
): Promise<ClaimResult> {
  const [slots] = await tx
    .select({ n: account.maxParallelTasks })
    .from(account)
    .where(eq(account.id, input.accountId))
    .for("update");
  const [row] = await tx.select().from(task).where(eq(task.id, input.taskId)).for("update");
  if (slots === undefined || row === undefined) return { ok: false, reason: "missing" };
  const found = toTask(row);
  if (found.finishedAt !== null) return { ok: false, reason: "ended" };
  if (found.status === "waiting") return { ok: false, reason: "waiting" };
  if (found.cancelRequestedAt !== null) return { ok: false, reason: "cancelled", task: found };
  const busy = await tx.$count(
    task,
    and(
      eq(task.accountId, input.accountId),
      inArray(task.status, [...busyStatuses]),
      ne(task.id, input.taskId),
    ),
  );
  const full = busy >= slots.n ? "account-full" : (await isLimitFull(tx, found)) ? "limit-full" : null;
  if (full !== null) {
    const place = await findPlace(tx, { ...input, sessionId: found.sessionId });
    return { ok: false, reason: full, place };
  }
  const cap = (await judgePlan(tx, found, caps.plan ?? null)) ?? (await judgeTask(tx, found, caps));
  if (cap !== null) {
    const place = await findPlace(tx, { ...input, sessionId: found.sessionId });
    return {
      ok: false,
      reason: "cap-reached",
      place,
      news: await setCapNotice(tx, { taskId: found.id, notice: cap }),
    };
  }
  if (found.notices.cap !== undefined) await setCapNotice(tx, { taskId: found.id, notice: null });
  if (found.fence > 0) await settleOvertaken(tx, found);
  const failures = found.failures + ((await diedWithoutProgress(tx, found)) ? 1 : 0);
  if (failures >= maxFailures) return { ok: false, reason: "failed-too-often", task: found };
  const [claimed] = await tx
    .update(task)
    .set({
      fence: sql`${task.fence} + 1`,
      failures,
      status: found.status === "running" ? "running" : "provisioning",
      startedAt: sql`coalesce(${task.startedAt}, now())`,
    })
    .where(eq(task.id, input.taskId))
    .returning();
  const [owner] = await tx.select().from(session).where(eq(session.id, found.sessionId));
  if (claimed === undefined || owner === undefined)
    throw new Error(`task ${input.taskId} vanished while it was claimed`);
  await noteClaim(tx, claimed);
  return { ok: true, task: toTask(claimed), session: owner, fence: claimed.fence };
}

/** Under the account's lock: what keeps the task from costing what it may, as a sentence; null: nothing does. */
async function judgeTask(tx: Tx, mine: Task, caps: { defaultMonthMicroUsd: number }): Promise<string | null> {
  const [uses, rest] = await Promise.all([
    readCaps(tx, { ...mine, taskId: mine.id }, caps),
    readRest(tx, mine.id),
  ]);
  const verdict = judgeCaps(uses, rest);
  if (verdict.ok) return null;
  return sayCapReached(verdict, { amounts: await showsAmounts(tx, mine.repositoryId) });
}

/** Under the account's lock, so that it is exact as well. */
async function isLimitFull(tx: Tx, mine: Task): Promise<boolean> {
  const { perRepository, perUser } = await readLimits(tx, mine.id);
  if (perRepository === null && perUser === null) return false;
  const running = await tx
    .select({ requesterId: task.requesterId })
    .from(task)
    .where(
      and(
        eq(task.accountId, mine.accountId),
        eq(task.repositoryId, mine.repositoryId),
        inArray(task.status, [...busyStatuses]),
        ne(task.id, mine.id),
      ),
    );
  const own = running.filter(({ requesterId }) => requesterId === mine.requesterId);
  return running.length >= (perRepository ?? Infinity) || own.length >= (perUser ?? Infinity);
}

type ClaimNote = { doneSteps: number; ended: "error" | "drain" | null };

async function diedWithoutProgress(tx: Tx, found: Task): Promise<boolean> {
  const [row] = await tx
    .select()
    .from(step)
    .where(and(eq(step.taskId, found.id), eq(step.name, "claim")));
  if (row === undefined) return false;
  const note = row.result as ClaimNote;
  if (note.ended !== null) return false;
  return (await countDoneSteps(tx, found.id)) <= note.doneSteps;
}

async function countDoneSteps(tx: Tx, taskId: string): Promise<number> {
  return tx.$count(step, and(eq(step.taskId, taskId), eq(step.status, "done"), ne(step.name, "claim")));
}

async function noteClaim(tx: Tx, claimed: typeof task.$inferSelect): Promise<void> {
  const note: ClaimNote = { doneSteps: await countDoneSteps(tx, claimed.id), ended: null };
  await tx
    .insert(step)
    .values({
      taskId: claimed.id,
      accountId: claimed.accountId,
      name: "claim",
      fence: claimed.fence,
      status: "started",
      result: note,
    })
    .onConflictDoUpdate({
      target: [step.taskId, step.name],
      set: { fence: claimed.fence, result: note, attempt: sql`${step.attempt} + 1`, startedAt: sql`now()` },
    });
}

/** Says how an attempt ended that will be tried again: an error counts as a failure, a drain does not. */
export async function recordAttemptEnd(
  tx: Tx,
  input: { taskId: string; fence: number; ended: "error" | "transient" | "drain" },
): Promise<{ failures: number }> {
  const [row] = await tx
    .update(task)
    .set(
      input.ended === "error" ? { failures: sql`${task.failures} + 1` } : { failures: sql`${task.failures}` },
    )
    .where(and(eq(task.id, input.taskId), eq(task.fence, input.fence)))
    .returning({ failures: task.failures });
  if (row === undefined) throw fencedError(input);
  await tx
    .update(step)
    .set({ result: sql`jsonb_set(${step.result}, '{ended}', to_jsonb(${input.ended}::text))` })
    .where(and(eq(step.taskId, input.taskId), eq(step.name, "claim"), eq(step.fence, input.fence)));
  return row;
}
