import { eq, sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { session, task } from "../../db/schema.ts";
import { readConfig } from "../../src/config.ts";
import { UserError } from "../../src/errors.ts";
import { openQueue, type Queue } from "../../src/queue/queue.ts";
import { createTask, type CreateTaskInput } from "../../src/tasks/create-task.ts";
import { seedRepository, seedSession, type Seeded } from "../cli/seed.ts";
import { silent } from "../queue/start-worker.ts";
import { mergeFiles } from "../support/settings-files.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

let home: TestDatabase;
let queue: Queue;
let at: Seeded;

beforeAll(async () => {
  home = await createTestDatabase();
  queue = await openQueue({ url: home.url, log: silent, mode: "send" });
  at = await seedRepository(home.database, { owner: "acme", name: "widgets" });
});
afterAll(async () => {
  await queue.stop();
  await home.close();
});

const create = (issueNumber: number, options: CreateTaskInput["options"]) =>
  createTask(
    { db: home.database.db, queue, config: readConfig({ DATA_DIR: "/nowhere" }) },
    {
      ...at,
      options,
      settings: mergeFiles({}).settings,
      businessKey: crypto.randomUUID(),
      deliveryId: crypto.randomUUID(),
      trigger: "comment",
      triggerCommentId: 1,
      verb: "implement",
      instruction: "turn it",
      requester: { id: 1, login: "alice" },
      context: {
        repository: { owner: "acme", name: "widgets" },
        issue: {
          number: issueNumber,
          id: 1,
          url: "https://github.com/acme/widgets/issues/1",
          title: "Turn",
          body: "",
          author: "alice",
          authorMayWrite: true,
        },
        comments: [],
        attachments: [],
        pull: null,
        review: null,
        checks: null,
        base: { ref: "main", sha: "0".repeat(40) },
        olderComments: 0,
        leftOutComments: 0,
        hiddenPieces: 0,
      },
    },
  );

test("commands of one moment, some for a new conversation: no task is left in a conversation that is over", async () => {
  const issues = Array.from({ length: 12 }, (_, index) => 100 + index);
  for (const issueNumber of issues) await seedSession(home.database, at, { issueNumber });
  const outcomes = await Promise.all(
    issues.flatMap((issueNumber) =>
      [false, true, false, true].map((newSession) =>
        create(issueNumber, newSession ? { newSession: true } : {}).then(
          () => "made",
          (error: unknown) => (error instanceof UserError ? error.code : error),
        ),
      ),
    ),
  );
  expect(new Set(outcomes)).toEqual(new Set(["made", "conversation-busy"]));
  const stranded = await home.database.system.execute(
    sql`select task.id from task join session on session.id = session_id where session.status = 'terminated'`,
  );
  expect(stranded).toEqual([]);
  const open = await home.database.system.$count(session, sql`status not in ('terminated', 'failed')`);
  expect(open).toBe(issues.length);
});

test("nothing is begun with a model whose price nobody knows", async () => {
  await expect(create(200, { model: "gpt-9" })).rejects.toMatchObject({ code: "model-unpriced" });
  expect(await home.database.system.$count(task, eq(task.issueNumber, 200))).toBe(0);
  expect(await create(200, { model: "claude-opus-5" })).toMatchObject({ task: { status: "queued" } });
});
