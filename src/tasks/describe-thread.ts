import { z } from "zod";
import { withAccount, type Db, type Tx } from "../../db/client.ts";
import type { Clock } from "../clock.ts";
import { findSession, type Session } from "../sessions/session-store.ts";
import { sumTaskUsage } from "../usage/usage-store.ts";
import { showsAmounts } from "./amounts-store.ts";
import { findMachineStatus } from "./machine-status-store.ts";
import { findPlace } from "./place-store.ts";
import type { Task } from "./task-store.ts";
import { listTasksOfThread, type ThreadRef } from "./thread-task-store.ts";
import { renderThreadStatus, type OpenTask, type ThreadStatus } from "./thread-status.ts";

type DescribeDeps = { db: Db; clock: Clock };

/** The answer to `/claude status`: the thread's open tasks or how the last one ended, and what its session has. */
export async function describeThread(
  deps: DescribeDeps,
  input: { accountId: string; repositoryId: number; thread: ThreadRef },
): Promise<string> {
  const { tasks, session, amounts } = await withAccount(deps.db, input.accountId, async (tx) => {
    const { sessionId } = input.thread;
    const tasks = await listTasksOfThread(tx, input.thread);
    const session = sessionId === null ? null : await findSession(tx, sessionId);
    const amounts = await showsAmounts(tx, input.repositoryId);
    return { tasks, amounts, session: await describeSession(tx, session, tasks) };
  });
  const now = deps.clock.now().getTime();
  const open = tasks.filter(({ finishedAt }) => finishedAt === null).reverse();
  const described: OpenTask[] = [];
  for (const task of open) described.push(await describeOpen(deps, task, now));
  const last = open.length > 0 ? null : await describeLast(deps, tasks[0], now);
  return renderThreadStatus({ open: described, last, session, amounts });
}

async function describeOpen(deps: DescribeDeps, task: Task, now: number): Promise<OpenTask> {
  const { id: taskId, accountId, sessionId, verb, instruction, options, budgetMicroUsd } = task;
  const { costMicroUsd } = await sumTaskUsage(deps.db, { taskId, accountId });
  return {
    ...{ verb, instruction, options, costMicroUsd, budgetMicroUsd },
    requester: task.requesterLogin,
    state: await stateOf(deps, task, now, { taskId, accountId, sessionId }),
  };
}

async function stateOf(
  deps: DescribeDeps,
  task: Task,
  now: number,
  ids: { taskId: string; accountId: string; sessionId: string },
): Promise<OpenTask["state"]> {
  if (task.status === "queued")
    return { kind: "queued", place: await withAccount(deps.db, ids.accountId, (tx) => findPlace(tx, ids)) };
  if (task.status === "waiting") {
    const askedAt = task.question === null ? task.createdAt.getTime() : Date.parse(task.question.askedAt);
    return { kind: "waiting", question: task.question?.kind ?? "questions", forMs: now - askedAt };
  }
  const todos = task.todos ?? [];
  return {
    kind: "running",
    forMs: now - (task.startedAt ?? task.createdAt).getTime(),
    stepsDone: todos.filter(({ state }) => state === "completed").length,
    steps: todos.length,
    stopping: task.cancelRequestedAt !== null,
  };
}

async function describeLast(
  deps: DescribeDeps,
  last: Task | undefined,
  now: number,
): Promise<ThreadStatus["last"]> {
  if (last === undefined || last.outcome === null || last.finishedAt === null) return null;
  const { id: taskId, accountId, verb, instruction, requesterLogin: requester } = last;
  const { costMicroUsd } = await sumTaskUsage(deps.db, { taskId, accountId });
  const outcome = last.outcome.kind;
  return { verb, instruction, requester, outcome, costMicroUsd, agoMs: now - last.finishedAt.getTime() };
}

async function describeSession(
  tx: Tx,
  session: Session | null,
  tasks: readonly Task[],
): Promise<ThreadStatus["session"]> {
  if (session === null) return null;
  const { id, branch, pullNumber, autofix } = session;
  // The session's own is what its machine holds: a rebase or an undo by the server alone has moved the branch since.
  const pushed = tasks.find(({ sessionId, receipt }) => sessionId === id && remoteShaOf(receipt) !== null);
  const headSha = remoteShaOf(pushed?.receipt) ?? session.headSha;
  return { branch, headSha, pullNumber, autofix, sandbox: await findMachineStatus(tx, session) };
}

const receiptSha = z.object({ remoteSha: z.string() });

function remoteShaOf(receipt: unknown): string | null {
  const read = receiptSha.safeParse(receipt);
  return read.success ? read.data.remoteSha : null;
}
