import { withAccount } from "../../db/client.ts";
import type { RepositoryClient } from "../github/octokit.ts";
import { readPull, type PullFacts } from "../github/read-pull.ts";
import { readReviewRemarks } from "../github/read-review.ts";
import { findSession, type Session } from "../sessions/session-store.ts";
import { createTask } from "../tasks/create-task.ts";
import { isBot } from "../tasks/is-bot.ts";
import type { Settings } from "../github/settings-values.ts";
import { findBase } from "../tasks/find-base.ts";
import { freezeContext } from "../tasks/freeze-context.ts";
import type { ReviewMaterial } from "../tasks/freeze-review.ts";
import { sayQueued } from "../tasks/say-status.ts";
import type { Task } from "../tasks/task-store.ts";
import { maxTurnsWithoutPerson } from "./bot-limit.ts";
import {
  dropFeedback,
  findInstallationOfRepository,
  findOpenFeedback,
  findTaskOfKey,
  takeFeedback,
  type FeedbackRow,
} from "./feedback-store.ts";
import { recordIgnored } from "./ignored-store.ts";
import { readSettingsNow } from "./read-settings-now.ts";
import { countTurnsWithoutPerson } from "./pull-store.ts";
import type { TriggerDeps } from "./trigger.ts";

type Ref = { accountId: string; sessionId: string };

/**
 * Makes one task of the comments collected for a session, once nobody has added any for a while or the first has waited long
 * enough; before that it comes again later. A job: each collected comment has one.
 */
export async function startFeedbackTask(deps: TriggerDeps, ref: Ref): Promise<void> {
  const found = await withAccount(deps.db, ref.accountId, async (tx) => ({
    open: await findOpenFeedback(tx, ref.sessionId),
    session: await findSession(tx, ref.sessionId),
  }));
  const { open, session } = found;
  if (open === null || session === null) return;
  if (session.endedAt !== null) return drop(deps, ref);
  const { quietMs, longestMs } = deps.config.feedback;
  const dueInMs = Math.ceil(Math.min(quietMs - open.lastAgeMs, longestMs - open.firstAgeMs));
  if (dueInMs <= 0) return makeTask(deps, { ref, session, rows: open.rows });
  await deps.queue.enqueue(deps.system, "feedback", ref, { startAfterMs: dueInMs });
}

const drop = (deps: TriggerDeps, { accountId, sessionId }: Ref) =>
  withAccount(deps.db, accountId, (tx) => dropFeedback(tx, sessionId));

/** Listed bots may go on for a few turns; then a person has to say something. */
async function botsAlone(
  deps: TriggerDeps,
  { ref, rows }: Collection,
  botIds: readonly number[],
): Promise<boolean> {
  if (!rows.every((row) => isBot(authorOf(row), botIds))) return false;
  const turns = await countTurnsWithoutPerson(deps, { ...ref, botIds });
  if (turns < maxTurnsWithoutPerson) return false;
  for (const row of rows) {
    await recordIgnored(deps, {
      ...{ deliveryId: row.deliveryId, accountId: ref.accountId, repositoryId: row.repositoryId },
      ...{ issueNumber: row.pullNumber, what: "comment", reason: "bots-alone" },
      ...{ actorId: row.authorId, actorLogin: row.authorLogin },
    });
  }
  return true;
}

const authorOf = ({ authorId: id, authorLogin: login }: FeedbackRow) => ({ id, login });

type Collection = { ref: Ref; session: Session; rows: readonly FeedbackRow[] };

async function makeTask(deps: TriggerDeps, collection: Collection): Promise<void> {
  const { ref, rows } = collection;
  const [first] = rows;
  if (first === undefined) return;
  const installationId = await installationOf(deps, collection);
  if (installationId === null) return drop(deps, ref);
  const client = await deps.github.openRepository({
    installationId,
    repositoryId: first.repositoryId,
    permissions: { contents: "read", issues: "write", pull_requests: "write" },
  });
  try {
    const repository = { owner: client.owner, name: client.name };
    const pull = await readPull(client.octokit, { repository, number: first.pullNumber });
    if (pull === null || pull.state === "closed") {
      await drop(deps, ref);
      return;
    }
    const settings = await readSettingsNow(deps, {
      ...{ accountId: ref.accountId, installationId, repositoryId: first.repositoryId, client },
    });
    if (await botsAlone(deps, collection, settings.triggers.botIds)) {
      await drop(deps, ref);
      return;
    }
    await create(deps, { ...collection, first, client, pull, installationId, settings });
  } finally {
    await client.revoke();
  }
}

/** The one that the repository belongs to now. */
async function installationOf(deps: TriggerDeps, { ref, rows }: Collection): Promise<number | null> {
  const repositoryId = rows[0]?.repositoryId ?? 0;
  return withAccount(deps.db, ref.accountId, (tx) => findInstallationOfRepository(tx, repositoryId));
}

type Creating = Collection & {
  first: FeedbackRow;
  client: RepositoryClient;
  pull: PullFacts;
  installationId: number;
  settings: Settings;
};

async function create(deps: TriggerDeps, input: Creating): Promise<void> {
  const { ref, rows, first, client, pull, installationId, settings } = input;
  const repository = { owner: client.owner, name: client.name };
  // A person is asked for access again before the push, and is who the commit names.
  const { botIds } = settings.triggers;
  const requester = authorOf(rows.find((row) => !isBot(authorOf(row), botIds)) ?? first);
  const context = await freezeContext(client.octokit, {
    ...{ repository, requester, pull, triggeredAt: first.commentedAt },
    issue: { ...pull, html_url: pull.url, user: pull.author },
    base: await findBase(client.octokit, { repository, pull }),
    review: await toMaterial(input),
  });
  const businessKey = `feedback:${first.kind}:${first.commentId}`;
  const created = await createTask(deps, {
    ...{ accountId: ref.accountId, installationId, repositoryId: first.repositoryId },
    ...{ businessKey, deliveryId: first.deliveryId, trigger: "feedback", triggerCommentId: null },
    ...{ verb: "implement", instruction: "", options: {}, requester, context, settings },
  });
  await withAccount(deps.db, ref.accountId, async (tx) => {
    const task = created?.task ?? (await findTaskOfKey(tx, businessKey));
    if (task === null) throw new Error(`the task of ${businessKey} was made and is not there`);
    const taken = created === null ? rows.filter((row) => row === first || heardBy(task, row)) : rows;
    await takeFeedback(tx, { ids: taken.map(({ id }) => id), taskId: task.id });
    if (taken.length < rows.length) await deps.queue.enqueue(tx, "feedback", ref);
  });
  if (created?.mustWait === true) await sayQueued(deps, client, created);
}

/** Comments that came after an earlier attempt had made the task are not in it. */
function heardBy({ context: { review } }: Task, { kind, commentId }: FeedbackRow): boolean {
  const remarks = kind === "comment" ? review?.notes : review?.threads.flatMap((thread) => thread.remarks);
  return remarks?.some(({ id }) => id === commentId) === true;
}

async function toMaterial({ rows, first, client }: Creating): Promise<ReviewMaterial> {
  const inline = new Map(
    rows.flatMap((row) => (row.kind === "review-comment" ? [[row.commentId, row] as const] : [])),
  );
  const repository = { owner: client.owner, name: client.name };
  const { remarks } =
    inline.size === 0
      ? { remarks: [] }
      : await readReviewRemarks(client.octokit, { repository, pullNumber: first.pullNumber });
  return {
    ...{ id: null, state: null, author: first.authorLogin, body: "" },
    notes: rows
      .filter(({ kind }) => kind === "comment")
      .map((row) => ({ id: row.commentId, author: row.authorLogin, at: row.commentedAt, body: row.body })),
    // As they were written: an edit since is another text.
    remarks: remarks.map((remark) => ({ ...remark, body: inline.get(remark.id)?.body ?? remark.body })),
    askedIds: new Set(inline.keys()),
  };
}
