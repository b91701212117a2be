import { eq } from "drizzle-orm";
import { session } from "../../db/schema.ts";
import { openQueue } from "../../src/queue/queue.ts";
import { createTask } from "../../src/tasks/create-task.ts";
import type { FrozenReviewThread } from "../../src/tasks/frozen-context.ts";
import { silent } from "../queue/start-worker.ts";
import type { World } from "../support/world.ts";

/** Freezes what stands on a pull request of ours into a task, as a delivery of the review would. */
export async function insertReview(
  world: World,
  input: { pullNumber: number; by: string; review?: { id: number | null; body: string }; leftOut?: number },
): Promise<void> {
  const { database } = world.database;
  const [first] = await world.tasks();
  const [at] = await database.system.select().from(session).where(eq(session.pullNumber, input.pullNumber));
  const pull = (await world.github.pullRequests(world.repository)).find(
    ({ number }) => number === input.pullNumber,
  );
  if (first === undefined || at === undefined || pull === undefined)
    throw new Error(`expected a pull request of ours, got ${input.pullNumber}`);
  const answered = new Set(
    pull.reviewComments.filter(({ author }) => author.endsWith("[bot]")).map(({ inReplyTo }) => inReplyTo),
  );
  const threads = pull.reviewComments
    .filter(({ inReplyTo, id }) => inReplyTo === null && !answered.has(id))
    .map((comment): FrozenReviewThread => ({
      commentId: comment.id,
      path: comment.path,
      line: comment.line,
      startLine: null,
      side: "RIGHT",
      outdated: false,
      diffHunk: "@@ -0,0 +1 @@\n+turned",
      remarks: [{ id: comment.id, author: comment.author, at: comment.createdAt, body: comment.body }],
    }));
  const queue = await openQueue({ url: world.database.url, log: silent, mode: "send" });
  try {
    await createTask(
      { db: database.db, queue, config: { limits: { budgetMicroUsd: 10_000_000 } } },
      {
        accountId: first.accountId,
        installationId: first.installationId,
        repositoryId: first.repositoryId,
        businessKey: `review:${crypto.randomUUID()}`,
        deliveryId: crypto.randomUUID(),
        trigger: "review",
        triggerCommentId: null,
        verb: "implement",
        instruction: "",
        options: {},
        requester: { id: first.requesterId, login: first.requesterLogin },
        context: {
          repository: { owner: "acme", name: "widgets" },
          issue: {
            number: pull.number,
            id: pull.id,
            url: pull.url,
            title: pull.title,
            body: "",
            author: pull.author,
            authorMayWrite: true,
          },
          comments: [],
          attachments: [],
          pull: {
            number: pull.number,
            url: pull.url,
            title: pull.title,
            body: pull.body ?? "",
            author: pull.author,
            authorMayWrite: true,
            draft: pull.draft,
            head: { ref: pull.head, sha: pull.headSha, sameRepository: true },
            base: { ref: pull.base, sha: at.baseSha ?? "" },
          },
          review: {
            id: input.review?.id ?? null,
            state: "changes_requested",
            author: input.by,
            body: input.review?.body ?? "",
            notes: [],
            threads,
            leftOut: input.leftOut ?? 0,
          },
          checks: null,
          base: { ref: pull.base, sha: at.baseSha ?? "" },
          leftOutComments: 0,
          hiddenPieces: 0,
        },
      },
    );
  } finally {
    await queue.stop();
  }
}
