import type { Config } from "../config.ts";
import type { Db } from "../../db/client.ts";
import { withAccount, type Tx } from "../../db/client.ts";
import type { TaskOptions, TaskQuestion } from "../../db/schema.ts";
import { UserError } from "../errors.ts";
import { branchFromTemplate } from "../github/settings-branch.ts";
import type { Settings } from "../github/settings-values.ts";
import type { Queue } from "../queue/queue.ts";
import { findOrCreateSession, findSessionOfPull, type Session } from "../sessions/session-store.ts";
import { beginAnew, lockConversation } from "./conversation-store.ts";
import { updateRepositoryCaps } from "../usage/cap-store.ts";
import { requirePriced } from "../usage/require-priced.ts";
import { showsAmounts } from "./amounts-store.ts";
import { askBeforeStart } from "./ask-before-start.ts";
import type { FrozenContext } from "./frozen-context.ts";
import { reserveStep } from "./step-store.ts";
import { enqueueTask } from "./enqueue-task.ts";
import { findPlace, type Place } from "./place-store.ts";
import { takeQueueTurn } from "./queue-turn-store.ts";
import { repositoryMoneyOf } from "./repository-money.ts";
import { greetOnce } from "./greeting-store.ts";
import { settleOptions } from "./settle-options.ts";
import { insertTask, type Task } from "./task-store.ts";

export type CreateTaskDeps = {
  db: Db;
  queue: Queue;
  config: Pick<Config, "model" | "limits">;
};

export type CreateTaskInput = {
  accountId: string;
  installationId: number;
  repositoryId: number;
  businessKey: string;
  deliveryId: string;
  trigger: Task["trigger"];
  triggerCommentId: number | null;
  verb: string;
  instruction: string;
  options: TaskOptions;
  requester: { id: number; login: string };
  context: FrozenContext;
  /** Sentences that explain how things go, for a requester who asks for the first time in this account; absent: no greeting. */
  greeting?: readonly string[];
  /** The repository's at the base; what the command says goes before. */
  settings: Settings;
  /** What the thread should know of it from the start; each one sentence of inline Markdown. */
  remarks?: readonly string[];
  /** On a pull request of a person: what of it may be written. Absent: on an issue, or on a pull request of ours. */
  personsPull?: { branch: string; writes: "pull-head" | "nothing" };
};

/** The status comment of a task that must wait is written by whoever made the task, not by its run. */
export type CreatedTask = { task: Task; place: Place; mustWait: boolean };

/**
 * One transaction: session, task and job. Null when this very request has been made into a task before, which
 * a repeated delivery finds. UserError `conversation-busy` when a new conversation is asked for beside a task.
 */
export async function createTask(deps: CreateTaskDeps, input: CreateTaskInput): Promise<CreatedTask | null> {
  const { issue } = input.context;
  return withAccount(deps.db, input.accountId, async (tx) => {
    if (!(await makeWay(deps, tx, input))) return null;
    const session = await sessionOf(tx, input);
    const options = settleOptions(input.options, input.settings, deps.config);
    requirePriced(options.model ?? deps.config.model.name, { isServers: options.model === undefined });
    const question = await askBefore(deps, tx, { ...input, options });
    const inserted = await insertTask(tx, {
      accountId: input.accountId,
      sessionId: session.id,
      installationId: input.installationId,
      repositoryId: input.repositoryId,
      issueNumber: issue.number,
      businessKey: input.businessKey,
      deliveryId: input.deliveryId,
      trigger: input.trigger,
      triggerCommentId: input.triggerCommentId,
      verb: input.verb,
      instruction: input.instruction,
      options,
      requesterId: input.requester.id,
      requesterLogin: input.requester.login,
      context: input.context,
      ...(input.remarks === undefined ? {} : { notices: { remarks: input.remarks } }),
      budgetMicroUsd: budgetOf(deps, options),
      ...(question === null ? {} : { status: "waiting", question }),
    });
    if (inserted === null) return null;
    const { greeting } = input;
    const task = greeting === undefined ? inserted : await greetOnce(tx, { task: inserted, greeting });
    const { accountId } = input;
    const { parallelTasks: perRepository, parallelTasksPerUser: perUser } = input.settings.limits;
    const inLine = { taskId: task.id, accountId, sessionId: session.id, limits: { perRepository, perUser } };
    if (question !== null) {
      await takeQueueTurn(tx, inLine);
      await deps.queue.enqueue(tx, "report-task", { taskId: task.id, accountId });
      return { task, place: await findPlace(tx, inLine), mustWait: false };
    }
    const place = await enqueueTask(deps, tx, inLine);
    const mustWait = place.sessionBusy || place.ahead >= place.slots;
    if (mustWait) {
      // Begun here under fence 0, so that the run, should it start meanwhile, waits for this comment instead of writing a second.
      await reserveStep(tx, { taskId: task.id, accountId: input.accountId, name: "status-comment" });
    }
    return { task, place, mustWait };
  });
}

const budgetOf = ({ config }: CreateTaskDeps, options: TaskOptions): number =>
  options.budgetMicroUsd ?? config.limits.budgetMicroUsd;

/** Keeps what the repository's settings say of money, and asks whether the task may begin where they want that; null: it may. */
async function askBefore(
  deps: CreateTaskDeps,
  tx: Tx,
  { accountId, repositoryId, settings, options }: CreateTaskInput,
): Promise<TaskQuestion | null> {
  await updateRepositoryCaps(tx, { repositoryId, caps: repositoryMoneyOf(settings) });
  return askBeforeStart(tx, {
    task: { accountId, repositoryId, budgetMicroUsd: budgetOf(deps, options) },
    aboveMicroUsd: settings.limits.approveAboveMicroUsd,
    amounts: await showsAmounts(tx, repositoryId),
    now: new Date(),
  });
}

async function sessionOf(tx: Tx, input: CreateTaskInput): Promise<Session> {
  const { issue, pull } = input.context;
  const at = { accountId: input.accountId, repositoryId: input.repositoryId };
  const ours = pull === null ? null : await findSessionOfPull(tx, { ...at, pullNumber: pull.number });
  if (ours !== null) return ours;
  const { personsPull } = input;
  return findOrCreateSession(tx, {
    ...at,
    issueNumber: issue.number,
    ...(personsPull === undefined || pull === null
      ? {}
      : { personsPull: { ...personsPull, number: pull.number } }),
    nameBranch: (nth) =>
      branchFromTemplate({
        template: input.settings.branchTemplate,
        ...{ issueNumber: issue.number, title: issue.title },
        ...(nth > 1 ? { suffix: nth } : {}),
      }),
  });
}

/** Ends the last conversation where a new one is asked for; false when this request has had its task already. */
async function makeWay(deps: CreateTaskDeps, tx: Tx, input: CreateTaskInput): Promise<boolean> {
  const { number } = input.context.issue;
  const sessionId = await lockConversation(tx, { repositoryId: input.repositoryId, issueNumber: number });
  if (sessionId === null || input.options.newSession !== true) return true;
  const begun = await beginAnew(tx, { sessionId, businessKey: input.businessKey });
  switch (begun) {
    case "begun":
      await deps.queue.enqueue(tx, "reap", {});
      return true;
    case "asked-before":
      return false;
    case "busy":
      throw new UserError(
        "conversation-busy",
        `A task of this issue's conversation is still open, so no new one was begun beside it.`,
        "Wait for its end, or write `/claude stop`, and then repeat the command.",
      );
  }
}
