import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eq } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { event, session, task } from "../../db/schema.ts";
import { displayWidth } from "../../src/cli/display-width.ts";
import { cancelChannel } from "../../src/tasks/task-store.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { runCommand, type CommandResult } from "./run-command.ts";
import { seedHistory, seedRepository, seedSession, seedTask, type Seeded } from "./seed.ts";

let t: TestDatabase;
let dataDir: string;
let widgets: Seeded;
let gadgets: Seeded;

const esc = "\u001b";
const now = new Date("2026-11-22T12:00:00Z");
const created = new Date("2026-11-22T10:00:00Z");

beforeAll(async () => {
  t = await createTestDatabase();
  dataDir = await mkdtemp(join(tmpdir(), "rc-commands-"));
  widgets = await seedRepository(t.database, { owner: "acme", name: "widgets" });
  gadgets = await seedRepository(t.database, { owner: "Bob", name: "gadgets" });
});
afterAll(async () => {
  await t.close();
  await rm(dataDir, { recursive: true });
});

const run = (args: readonly string[], columns?: number): Promise<CommandResult> =>
  runCommand(args, {
    env: { DATABASE_URL: t.url, LOG_LEVEL: "silent", DATA_DIR: dataDir },
    now,
    ...(columns === undefined ? {} : { columns }),
  });

const ended = { startedAt: created, finishedAt: new Date("2026-11-22T10:04:30Z") };

describe("tasks", () => {
  let done: string;
  let waiting: string;

  beforeAll(async () => {
    const sessionId = await seedSession(t.database, widgets, { issueNumber: 7 });
    done = await seedTask(
      t.database,
      { ...widgets, sessionId },
      { createdAt: created, status: "completed", ...ended },
    );
    const other = await seedSession(t.database, gadgets, { issueNumber: 9 });
    waiting = await seedTask(
      t.database,
      { ...gadgets, sessionId: other },
      {
        createdAt: created,
        verb: "plan",
        instruction: `${esc}[2Jwipe\nthe screen`,
        requesterLogin: "bob",
        issueNumber: 9,
      },
    );
  });

  test("are listed for a person, the newest first, without what a terminal would obey", async () => {
    const { out, exitCode } = await run(["tasks"]);
    expect(exitCode).toBe(0);
    const ids = [waiting, done].map(
      (id) => out.split("\n").find((line) => line.startsWith(id.slice(0, 13))) ?? "",
    );
    expect(ids[0]).toMatch(/ {2}queued {5}Bob\/gadgets#9 {3}bob {4}2 h ago {2}plan: ␛\[2Jwipe ⏎ the screen$/);
    expect(ids[1]).toMatch(/ {2}completed {2}acme\/widgets#7 {2}alice {2}2 h ago {2}fix the login$/);
    expect(out).not.toContain(esc);
  });

  test("fit the terminal", async () => {
    const { out } = await run(["tasks"], 84);
    expect(Math.max(...out.split("\n").map((line) => displayWidth(line)))).toBeLessThanOrEqual(84);
  });

  test("are listed for a program", async () => {
    const { out } = await run(["tasks", "--json", "--repo", "ACME/widgets"]);
    expect(JSON.parse(out)).toEqual({
      tasks: [
        {
          id: done,
          status: "completed",
          verb: "implement",
          instruction: "fix the login",
          requester: "alice",
          repository: { owner: "acme", name: "widgets" },
          issueNumber: 7,
          sessionId: expect.any(String) as string,
          createdAt: created.toISOString(),
          startedAt: created.toISOString(),
          finishedAt: ended.finishedAt.toISOString(),
          durationMs: 270_000,
          budgetMicroUsd: 5_000_000,
        },
      ],
    });
  });

  test.each([
    [["--status", "completed"], 1],
    [["--status", "queued, completed"], 2],
    [["--status", "pending"], 1],
    [["--status", "failed"], 0],
    [["--limit", "1"], 1],
    [["--repo", "acme/nothing"], 0],
  ])("are filtered by %j", async (options, count) => {
    const { out } = await run(["tasks", "--json", ...options]);
    expect((JSON.parse(out) as { tasks: unknown[] }).tasks).toHaveLength(count);
  });

  test.each([
    [["tasks", "--status", "sleeping"], 1, /Expected states of a task, got "sleeping"/],
    [["tasks", "--repo", "acme"], 1, /Expected owner\/name, got "acme"/],
    [["tasks", "--limit", "0"], 2, /whole number from 1 to 1000/],
    [["tasks", "--limit", "ten"], 2, /whole number/],
    [["tasks", "extra"], 2, /too many arguments/],
    [["taks"], 2, /Did you mean tasks/],
    [["--nonsense"], 2, /unknown option/],
  ])("explain what is wrong with %j", async (args, exitCode, words) => {
    const result = await run(args);
    expect(result).toMatchObject({ out: "", exitCode });
    expect(result.err).toMatch(words);
  });
});

describe("show", () => {
  let taskId: string;
  let sessionId: string;
  const hostile = `${esc}]0;owned\u0007 \u202Etxt`;
  const receipt = { remoteSha: "a".repeat(40), totals: { files: 1, additions: 2, deletions: 0 } };

  beforeAll(async () => {
    sessionId = await seedSession(t.database, widgets, {
      issueNumber: 70,
      pullNumber: 71,
      baseSha: "b".repeat(40),
      headSha: "a".repeat(40),
      sandboxProvider: "local",
      sandboxId: "0123456789abcdef",
    });
    taskId = await seedTask(
      t.database,
      { ...widgets, sessionId },
      {
        issueNumber: 70,
        createdAt: created,
        status: "completed",
        ...ended,
        fence: 2,
        failures: 1,
        instruction: hostile,
        prompt: `Do it.\n${hostile}`,
        todos: [
          { text: "look", state: "completed" },
          { text: hostile, state: "pending" },
        ],
        outcome: { kind: "no-changes", text: hostile },
        receipt,
      },
    );
    await seedHistory(t.database, { taskId, accountId: widgets.accountId }, [
      { kind: "init", data: { sessionId: "s", model: "claude-sonnet-4-5", tools: [] } },
      { kind: "text", data: { text: `Hello\n${hostile}`, subagent: false } },
      { kind: "tool-call", data: { id: "1", name: "Bash", summary: "npm test", subagent: false } },
      { kind: "tool-result", data: { id: "1", ok: false, summary: hostile } },
      { kind: "noise", data: { line: hostile } },
      { kind: "of-another-release", data: { [hostile]: [1] } },
      { kind: "text", data: "not even an object" },
    ]);
  });

  test("tells a person everything, and the terminal nothing", async () => {
    const { out, exitCode } = await run(["show", taskId]);
    expect(exitCode).toBe(0);
    expect(out).not.toMatch(/[\u0000-\u0009\u000B-\u001F\u007F-\u009F\u202E]/);
    await expect(out.replaceAll(taskId, "<task>").replaceAll(sessionId, "<session>")).toMatchFileSnapshot(
      "show-task.snapshot.txt",
    );
  });

  test("gives a program the whole record", async () => {
    const { out } = await run(["show", "--json", taskId]);
    expect(out).not.toMatch(/[\u0000-\u0009\u000B-\u001F\u007F-\u009F\u202E]/);
    const shown = JSON.parse(out) as Record<string, unknown>;
    expect(Object.keys(shown)).toEqual([
      "task",
      "session",
      "repository",
      "issueNumber",
      "steps",
      "outcome",
      "receipt",
      "usage",
      "prompt",
      "todos",
      "events",
    ]);
    expect(shown).toMatchObject({
      task: {
        id: taskId,
        status: "completed",
        instruction: hostile,
        requester: "alice",
        durationMs: 270_000,
        fence: 2,
        failures: 1,
      },
      session: {
        id: sessionId,
        status: "active",
        branch: "claude/70-fix",
        baseSha: "b".repeat(40),
        headSha: "a".repeat(40),
        pullNumber: 71,
        sandbox: { provider: "local", id: "0123456789abcdef" },
      },
      repository: { owner: "acme", name: "widgets" },
      issueNumber: 70,
      outcome: { kind: "no-changes", text: hostile },
      receipt,
      usage: {
        calls: 2,
        inputTokens: 11,
        outputTokens: 22,
        cacheReadTokens: 30,
        cacheWrite5mTokens: 40,
        cacheWrite1hTokens: 4,
        costMicroUsd: 3_500,
        priceMicroUsd: 3_500,
      },
      prompt: `Do it.\n${hostile}`,
    });
    expect(shown.steps).toMatchObject([
      { name: "status-comment", status: "done", result: { commentId: 5 } },
      { name: "push", attempt: 2 },
    ]);
    expect((shown.events as { kind: string }[]).map(({ kind }) => kind).slice(0, 3)).toEqual([
      "init",
      "text",
      "tool-call",
    ]);
  });

  test("takes the first digits, and names the tasks when they are not enough", async () => {
    expect((await run(["show", "--json", taskId.slice(0, -1)])).exitCode).toBe(0);
    const { err, exitCode } = await run(["show", taskId.slice(0, 4)]);
    expect(exitCode).toBe(1);
    expect(err).toContain("Several tasks have ids that begin with");
    expect(err).toContain(`  ${taskId}  completed  ␛]0;owned␇`);
  });

  test.each([
    [["show", "ffffffff"], "task-unknown"],
    [["show", "xyz"], "task-id-invalid"],
  ])("%j is %s", async (args, code) => {
    const { err, out, exitCode } = await run([...args, "--json"]);
    expect({ exitCode, out }).toEqual({ exitCode: 1, out: "" });
    expect(JSON.parse(err)).toMatchObject({ error: { code, remedy: expect.any(String) as string } });
  });

  test("shows a task that has done nothing yet", async () => {
    const fresh = await seedTask(t.database, { ...widgets, sessionId });
    const { out } = await run(["show", fresh]);
    expect(out).toContain("Took:          not started");
    expect(out).toContain("Model calls:   none");
    expect(out).toContain("Events (0)\n  none yet");
  });
});

describe("session", () => {
  const killable = async (values: Partial<typeof session.$inferInsert> = {}) => {
    const sessionId = await seedSession(t.database, widgets, {
      sandboxProvider: "local",
      sandboxId: `machine-${String(Math.random())}`,
      ...values,
    });
    const running = await seedTask(
      t.database,
      { ...widgets, sessionId },
      { status: "running", startedAt: created },
    );
    const queued = await seedTask(t.database, { ...widgets, sessionId });
    return { sessionId, running, queued };
  };
  const jobs = async (name: string) =>
    t.database.system.execute<{ data: Record<string, string> }>(
      `select data from pgboss.job where name = '${name}' and state < 'active' order by id`,
    );
  const taskOf = async (id: string) =>
    (await t.database.system.select().from(task).where(eq(task.id, id)))[0];

  test("list shows the open ones, with --all the others too", async () => {
    const { sessionId } = await killable({ pullNumber: 12 });
    const over = await seedSession(t.database, widgets, { status: "terminated", endedAt: created });
    const listed = async (...options: string[]) =>
      (
        JSON.parse((await run(["session", "list", "--json", ...options])).out) as {
          sessions: { id: string; openTasks: number }[];
        }
      ).sessions;
    expect((await listed()).find(({ id }) => id === sessionId)).toMatchObject({
      openTasks: 2,
      pullNumber: 12,
    });
    expect((await listed()).map(({ id }) => id)).not.toContain(over);
    expect((await listed("--all")).map(({ id }) => id)).toContain(over);
    const { out } = await run(["session", "list", "--limit", "3"]);
    expect(out.split("\n")[0]).toMatch(
      /^SESSION +STATUS +ISSUE +PULL +OPEN TASKS +SANDBOX +CREATED +BRANCH$/,
    );
    expect(out).toContain(`#12   2           local machine-`);
  });

  test("kill stops its tasks, ends it and calls the reaper", async () => {
    const { sessionId, running, queued } = await killable();
    const told = new Set<string>();
    const stopListening = await t.database.listen(cancelChannel, (id) => told.add(id));
    const { out, exitCode } = await run(["session", "kill", sessionId, "--json"]);
    await vi.waitUntil(() => told.has(running));
    await stopListening();
    expect(exitCode).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      session: { id: sessionId, wasEnded: false, sandbox: { provider: "local" } },
      tasks: { stopping: [running], ended: [queued] },
      // It has no row, and no provider names it.
      sandboxes: [],
      unlisted: [],
    });
    const [row] = await t.database.system.select().from(session).where(eq(session.id, sessionId));
    expect(row).toMatchObject({ status: "terminated", endedAt: expect.any(Date) as Date });
    expect(await taskOf(queued)).toMatchObject({ status: "cancelled" });
    expect(await taskOf(running)).toMatchObject({
      status: "running",
      cancelRequestedBy: "the operator of this server",
    });
    expect((await jobs("report-task")).map(({ data }) => data.taskId)).toContain(queued);
    expect(await jobs("reap")).not.toEqual([]);
  });

  test("kill finishes what an interrupted kill had left", async () => {
    const { sessionId, queued } = await killable({ status: "terminated", endedAt: created });
    const { out } = await run(["session", "kill", sessionId]);
    expect(out).toContain("Had ended already: session");
    expect(out).toContain("1 running task told to stop, 1 waiting task ended.");
    expect(await taskOf(queued)).toMatchObject({ status: "cancelled" });
  });

  test("kill leaves other sessions alone", async () => {
    const other = await killable();
    const { sessionId } = await killable();
    await run(["session", "kill", sessionId]);
    expect(await taskOf(other.queued)).toMatchObject({ status: "queued", cancelRequestedAt: null });
  });

  test("kill of an unknown session changes nothing", async () => {
    expect(await run(["session", "kill", "ffffffff"])).toMatchObject({ exitCode: 1, out: "" });
  });
});

describe("a database that is not ready", () => {
  const withUrl = (url: string) =>
    runCommand(["tasks", "--json"], { env: { DATABASE_URL: url, LOG_LEVEL: "silent" } });
  const codeOf = ({ err }: CommandResult) => (JSON.parse(err) as { error: { code: string } }).error.code;

  test("because nothing listens", async () => {
    expect(codeOf(await withUrl("postgres://a:b@127.0.0.1:1/x"))).toBe("database-unreachable");
  });

  test("because it has no schema", async () => {
    const empty = await createTestDatabase({ empty: true });
    expect(codeOf(await withUrl(empty.url))).toBe("database-not-migrated");
    await empty.close();
  });

  test("because there is none", async () => {
    const result = await runCommand(["tasks", "--json"], { env: { DATA_DIR: "/nonexistent" } });
    expect(codeOf(result)).toBe("database-unknown");
  });

  test("because the configuration is wrong", async () => {
    const result = await runCommand(["tasks", "--json"], { env: { PORT: "x", APP_ID: "1" } });
    expect(codeOf(result)).toBe("config-invalid");
    expect(result.exitCode).toBe(1);
  });
});

describe("migrate", () => {
  test("goes up, tells where it stands, and goes down only when that is meant", async () => {
    const empty = await createTestDatabase({ empty: true });
    const migrate = (...args: string[]) =>
      runCommand(["migrate", ...args], { env: { DATABASE_URL: empty.url } });
    const applied = JSON.parse((await migrate("up", "--json")).out) as { applied: string[] };
    expect(applied.applied.length).toBeGreaterThan(0);
    expect((await migrate("up")).out).toBe("The database is up to date.\n");
    expect(await migrate("down")).toMatchObject({
      exitCode: 1,
      err: expect.stringContaining("add --yes") as string,
    });
    expect(JSON.parse((await migrate("status", "--json")).out)).toEqual({
      ...applied,
      pending: [],
      drift: [],
    });
    expect((await migrate("down", "--yes")).out).toContain(`Took back:\n  ${applied.applied.at(-1) ?? ""}`);
    expect((await migrate("status")).out).toContain(`Pending:\n  ${applied.applied.at(-1) ?? ""}`);
    expect(await migrate("sideways")).toMatchObject({ exitCode: 2 });
    await empty.close();
  });
});

test("an event's order is its attempt and its place in it", async () => {
  const sessionId = await seedSession(t.database, widgets);
  const taskId = await seedTask(t.database, { ...widgets, sessionId });
  const row = (fence: number, sequence: number) => ({
    taskId,
    accountId: widgets.accountId,
    fence,
    sequence,
    kind: "noise",
    data: { line: `${String(fence)}.${String(sequence)}` },
  });
  await t.database.system.insert(event).values([row(2, 0), row(1, 1), row(1, 0), row(10, 0)]);
  const { out } = await run(["show", taskId]);
  expect(out.match(/\d+\.\d+$/gm)).toEqual(["1.0", "1.1", "2.0", "10.0"]);
});
