import { and, eq, sql } from "drizzle-orm";
import { z } from "zod";
import { recordAudit } from "../../db/audit.ts";
import type { Tx } from "../../db/client.ts";
import { step } from "../../db/schema.ts";
import { assertFence } from "./fence-store.ts";

export type StepHolder = { taskId: string; accountId: string; fence: number };

/** How long another process may be at a step before it is taken for dead. */
const handoverMs = 15_000;

export type Begun = { done: true; result: unknown } | { done: false; mayStand: boolean };

/**
 * Begins a step under the holder's fence, unless it is done already. "somebody-is-at-it": an earlier holder began
 * it a moment ago, and its request may still be on its way; looking now would find nothing and do it twice.
 */
export async function beginStep(
  tx: Tx,
  holder: StepHolder,
  name: string,
): Promise<Begun | "somebody-is-at-it"> {
  const [, [row]] = await Promise.all([
    assertFence(tx, holder),
    tx
      .select({
        status: step.status,
        fence: step.fence,
        result: step.result,
        ageMs: sql<number>`(extract(epoch from now() - ${step.startedAt}) * 1000)::int`,
      })
      .from(step)
      .where(and(eq(step.taskId, holder.taskId), eq(step.name, name)))
      .for("update"),
  ]);
  if (row?.status === "done") return { done: true, result: row.result };
  if (row !== undefined && row.fence !== holder.fence && row.ageMs < handoverMs) return "somebody-is-at-it";
  await tx
    .insert(step)
    .values({ ...holder, name, status: "started" })
    .onConflictDoUpdate({
      target: [step.taskId, step.name],
      set: {
        fence: holder.fence,
        status: "started",
        attempt: sql`${step.attempt} + 1`,
        startedAt: sql`now()`,
      },
    });
  return { done: false, mayStand: row !== undefined };
}

/** Begins a step of a task that nobody has claimed yet, for whoever made the task to finish. */
export async function reserveStep(
  tx: Tx,
  input: { taskId: string; accountId: string; name: string },
): Promise<void> {
  await tx.insert(step).values({ ...input, fence: 0, status: "started" });
}

export async function finishStep(
  tx: Tx,
  holder: StepHolder,
  input: { name: string; result: unknown },
): Promise<void> {
  await Promise.all([
    assertFence(tx, holder),
    tx
      .update(step)
      .set({ status: "done", result: input.result, finishedAt: sql`now()` })
      .where(and(eq(step.taskId, holder.taskId), eq(step.name, input.name))),
  ]);
  await auditStep(tx, holder, input);
}

/** Steps that change code on GitHub or offer it. */
const auditedSteps: readonly { name: RegExp; act: "pushed" | "pull-request-opened" }[] = [
  { name: /^(push:|undo$)/, act: "pushed" },
  { name: /^pull-request$/, act: "pull-request-opened" },
];

async function auditStep(
  tx: Tx,
  { taskId, accountId, fence }: StepHolder,
  { name, result }: { name: string; result: unknown },
): Promise<void> {
  const found = auditedSteps.find((step) => step.name.test(name));
  if (found === undefined) return;
  const facts = auditedFacts.parse(result);
  await recordAudit(tx, {
    ...{ accountId, act: found.act, actor: "server" },
    data: { task: taskId, fence, step: name, ...facts },
  });
}

const auditedFacts = z.object({
  branch: z.string().nullable().default(null),
  number: z.int().nullable().default(null),
  sha: z.string().nullable().default(null),
});

/** A finished step and how often it was begun; null when it was never finished. */
export async function findStep(
  tx: Tx,
  taskId: string,
  name: string,
): Promise<{ result: unknown; attempt: number } | null> {
  const [row] = await tx
    .select({ result: step.result, attempt: step.attempt })
    .from(step)
    .where(and(eq(step.taskId, taskId), eq(step.name, name), eq(step.status, "done")));
  return row ?? null;
}

/** How often a step was begun; 0 when it never was. */
export async function countStepAttempts(tx: Tx, taskId: string, name: string): Promise<number> {
  const [row] = await tx
    .select({ attempt: step.attempt })
    .from(step)
    .where(and(eq(step.taskId, taskId), eq(step.name, name)));
  return row?.attempt ?? 0;
}

/** A step whose effect is gone has to be done again; one that is not done stays as it is. */
export async function reopenStep(tx: Tx, taskId: string, name: string): Promise<void> {
  await tx
    .update(step)
    .set({ status: "started", result: null, finishedAt: null })
    .where(and(eq(step.taskId, taskId), eq(step.name, name), eq(step.status, "done")));
}
