import { withAccount } from "../../db/client.ts";
import { crashPoint } from "../crash-point.ts";
import type { Deps } from "../deps.ts";
import { GitHubRefusal } from "../github/github-error.ts";
import type { RepositoryClient } from "../github/octokit.ts";
import { react } from "../github/reaction.ts";
import { receiptSchema } from "../github/receipt.ts";
import { editComment } from "../github/say.ts";
import type { StatusPhase } from "../github/status-comment.ts";
import { findSession } from "../sessions/session-store.ts";
import { renderStatus } from "./render-status.ts";
import { ensureStatusComment, type SayDeps } from "./say-status.ts";
import { toFinalPhase, toWaitingPhase } from "./status-phase.ts";
import { findTask, markReported, type Task } from "./task-store.ts";
import { isSuspended } from "./unreported-store.ts";
import { withThread } from "./with-thread.ts";

/**
 * Says the last word about an ended task: the status comment and a reaction on what asked for it. Repeating it
 * changes nothing. Where GitHub refuses for good (a deleted issue, a removed App) nobody is left to hear it;
 * while the App is suspended the task stays unreported, for the end of the suspension.
 */
export async function reportTask(
  deps: SayDeps & Pick<Deps, "db">,
  ref: { taskId: string; accountId: string },
): Promise<void> {
  const { task, pullNumber } = await readTask(deps, ref);
  if (task?.status === "waiting") return sayQuestion(deps, task);
  if (task === null || task.outcome === null || task.finishedAt === null || task.reportedAt !== null) return;
  try {
    const { outcome } = task;
    await withThread(deps, task, (client) => sayLastWord(deps, { task, outcome, client, pullNumber }));
    await crashPoint("told", task.id);
  } catch (error) {
    if (!(error instanceof GitHubRefusal)) throw error;
    if (await withAccount(deps.db, ref.accountId, (tx) => isSuspended(tx, task.installationId))) return;
    deps.log.warn({ err: error, taskId: ref.taskId }, "nobody can be told how a task ended");
  }
  await withAccount(deps.db, ref.accountId, (tx) => markReported(tx, ref.taskId));
}

/** Shows a waiting task's question in its status comment. */
async function sayQuestion(deps: SayDeps, task: Task): Promise<void> {
  if (task.question === null) throw new Error(`task ${task.id} waits without a question`);
  const phase = toWaitingPhase(task.question);
  await withThread(deps, task, (client) => sayPhase(deps, { task, client, phase }));
}

async function sayPhase(
  deps: SayDeps,
  { task, client, phase }: { task: Task; client: RepositoryClient; phase: StatusPhase },
): Promise<void> {
  const holder = { taskId: task.id, accountId: task.accountId, fence: task.fence };
  const { commentId, written } = await ensureStatusComment(deps, { task, client, holder, phase });
  if (written) return;
  await editComment(deps, client.octokit, {
    installationId: task.installationId,
    repository: { owner: client.owner, name: client.name },
    commentId,
    body: await renderStatus(deps, task, { phase }),
  });
}

async function readTask(deps: Pick<Deps, "db">, ref: { taskId: string; accountId: string }) {
  return withAccount(deps.db, ref.accountId, async (tx) => {
    const task = await findTask(tx, ref.taskId);
    const session = task === null ? null : await findSession(tx, task.sessionId);
    return { task, pullNumber: session?.pullNumber ?? null };
  });
}

async function sayLastWord(
  deps: SayDeps,
  input: {
    task: Task;
    outcome: NonNullable<Task["outcome"]>;
    client: RepositoryClient;
    pullNumber: number | null;
  },
): Promise<void> {
  const { task, outcome, client, pullNumber } = input;
  const receipt = task.receipt === null ? null : receiptSchema.parse(task.receipt);
  const phase = toFinalPhase(outcome, { receipt, pullNumber });
  await sayPhase(deps, { task, client, phase });
  await react(deps, client.octokit, {
    installationId: task.installationId,
    repository: { owner: client.owner, name: client.name },
    issueNumber: task.issueNumber,
    commentId: task.triggerCommentId,
    ...(task.trigger === "review-comment" ? { commentKind: "review-comment" as const } : {}),
    content: task.status === "completed" ? "rocket" : "confused",
  });
}
