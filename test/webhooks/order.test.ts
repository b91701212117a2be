import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { and, eq, inArray, notInArray, sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { installation, session, task } from "../../db/schema.ts";
import { handlers } from "../../src/app.ts";
import { systemClock } from "../../src/clock.ts";
import { readConfig } from "../../src/config.ts";
import { createGitHub } from "../../src/github/octokit.ts";
import { openQueue, type Queue } from "../../src/queue/queue.ts";
import { openStatuses } from "../../src/tasks/task-store.ts";
import { readAppManifest } from "../../src/web/app-manifest.ts";
import type { TriggerDeps } from "../../src/webhooks/trigger.ts";
import { silent } from "../queue/start-worker.ts";
import { startGitHub, type GitHubStandin } from "../standins/github/github.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

/** Deliveries come in any order, and several jobs hand them over at once: what remains is the same. */

const repository = "acme/widgets";
let home: TestDatabase;
let github: GitHubStandin;
let queue: Queue;
let deps: TriggerDeps;
let dataDir: string;

beforeAll(async () => {
  home = await createTestDatabase();
  dataDir = await mkdtemp(join(tmpdir(), "rc-order-"));
  github = await startGitHub();
  github.createOrganization("acme");
  const { manifest } = readAppManifest();
  const app = await github.createApp({
    ...{ name: "Remote Claude", owner: "acme", permissions: manifest.default_permissions },
    events: manifest.default_events,
    // Nobody listens there: the deliveries are read from the stand-in's own list.
    webhookUrl: "http://127.0.0.1:9/",
  });
  await github.createRepository({ owner: "acme", name: "widgets" });
  github.createUser("alice");
  github.setRole(repository, "alice", "write");
  github.install({ app, owner: "acme", repositories: "all" });
  const config = readConfig({
    ...{ APP_ID: String(app.id), PRIVATE_KEY: app.privateKey, WEBHOOK_SECRET: app.webhookSecret },
    ...{ GITHUB_API_URL: github.apiUrl, GITHUB_SERVER_URL: github.url, DATA_DIR: dataDir },
    ACCOUNT_MAX_PARALLEL_TASKS: "1000",
  });
  if (config.app === null) throw new Error("the configuration has an App");
  const withApp = { ...config, app: config.app };
  queue = await openQueue({ url: home.url, log: silent, mode: "send" });
  deps = {
    ...{ db: home.database.db, system: home.database.system, queue, config: withApp, log: silent },
    ...{ clock: systemClock, github: createGitHub({ config: withApp, log: silent }) },
  };
});

afterAll(async () => {
  await queue.stop();
  await home.close();
  await github.drained();
  await github.close();
  await rm(dataDir, { recursive: true });
  expect(github.violations).toEqual([]);
});

type Body = Record<string, unknown> & { issue: Record<string, unknown>; comment: Record<string, unknown> };
type Event = { handler: keyof typeof handlers; id: string; payload: unknown };

/** The newest delivery of this kind, as GitHub made it. */
async function newest(event: string, action: string): Promise<Body> {
  await github.drained();
  const found = github.deliveries().findLast((row) => row.event === event && row.action === action);
  if (found === undefined) throw new Error(`GitHub has sent no ${event}.${action}`);
  return JSON.parse(found.body) as Body;
}

const ago = (seconds: number) => new Date(Date.now() - seconds * 1_000).toISOString();

/** What five acts on one issue, a minute apart, have GitHub send: a command, the same edited in elsewhere, the label, a close, a replay. */
async function fiveEvents(): Promise<{ issueNumber: number; events: Event[] }> {
  const alice = github.as("alice");
  const { number } = await alice.createIssue(repository, { title: "Turn" });
  const { id: quietId } = await alice.comment(repository, number, "hm");
  await alice.comment(repository, number, "/claude turn it");
  const comment = await newest("issue_comment", "created");
  comment.comment = { ...comment.comment, created_at: ago(240), updated_at: ago(240) };
  await alice.editComment(repository, quietId, "/claude turn it");
  const edited = await newest("issue_comment", "edited");
  await alice.addLabel(repository, number, "claude");
  const labeled = await newest("issues", "labeled");
  labeled.issue = { ...labeled.issue, updated_at: ago(120) };
  await alice.closeIssue(repository, number);
  const closed = await newest("issues", "closed");
  const of = (handler: Event["handler"], payload: unknown): Event => ({
    handler,
    id: crypto.randomUUID(),
    payload,
  });
  return {
    issueNumber: number,
    events: [
      of("issue_comment.created", comment),
      of("issue_comment.edited", edited),
      of("issues.labeled", labeled),
      of("issues.closed", closed),
      of("issue_comment.created", comment),
    ],
  };
}

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((item, at) =>
    permutations(items.filter((_, index) => index !== at)).map((rest) => [item, ...rest]),
  );
}

/** GitHub's pace for writes is not what is tested here. */
const refill = () => home.database.system.execute(sql`update rate_bucket set tokens_milli = 20000`);

const handle = ({ handler, id, payload }: Event) => handlers[handler](deps, { id, payload });

async function openWork(issueNumber: number): Promise<number> {
  return home.database.system.$count(
    task,
    and(eq(task.issueNumber, issueNumber), inArray(task.status, [...openStatuses])),
  );
}

test("in every order of five events nothing is left open on an issue that was closed", async () => {
  // The replay is the first one once more, so that orders which differ in these two only are the same.
  const orders = permutations([0, 1, 2, 3, 4]).filter((order) => order.indexOf(0) < order.indexOf(4));
  const open: number[][] = [];
  for (const order of orders) {
    await refill();
    const { issueNumber, events } = await fiveEvents();
    for (const index of order) await handle(events[index] ?? never());
    if ((await openWork(issueNumber)) > 0) open.push(order);
  }
  expect(orders).toHaveLength(60);
  expect(open).toEqual([]);
}, 300_000);

function never(): never {
  throw new Error("there are five events");
}

test("in every order of a command, a close and the App's removal nothing is left open, and nothing starts again", async () => {
  const open: number[][] = [];
  for (const order of permutations([0, 1, 2])) {
    await refill();
    await home.database.system.update(installation).set({ removedAt: null });
    const { issueNumber, events } = await fiveEvents();
    const removed = { ...(await newest("installation", "created")), action: "deleted" };
    const three = [
      events[0],
      events[3],
      { handler: "installation", id: crypto.randomUUID(), payload: removed },
    ] as const;
    for (const index of order) await handle(three[index] ?? never());
    await handle(events[2] ?? never());
    const sessions = await home.database.system.$count(
      session,
      and(eq(session.issueNumber, issueNumber), notInArray(session.status, ["terminated", "failed"])),
    );
    if ((await openWork(issueNumber)) > 0 || sessions > 0) open.push(order);
  }
  expect(open).toEqual([]);
}, 120_000);
