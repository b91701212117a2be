import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { and, eq } from "drizzle-orm";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { sandbox, session } from "../../db/schema.ts";
import type { SandboxProvider } from "../../src/sandbox/sandbox.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { localProvider } from "../support/local-machine.ts";
import { runCommand } from "./run-command.ts";
import { seedRepository, seedSession, seedTask, type Seeded } from "./seed.ts";

let t: TestDatabase;
let at: Seeded;
let dataDir: string;
let local: SandboxProvider;
let closedPort: number;

type Ended = { provider: string; id: string; result: string; error: string | null };
type Answer = { sandboxes: Ended[]; unlisted: { provider: string; error: string }[]; busyTasks?: number };

beforeAll(async () => {
  t = await createTestDatabase();
  at = await seedRepository(t.database, { owner: "acme", name: "widgets" });
  closedPort = await findClosedPort();
});
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "rc-sandbox-cli-"));
  local = localProvider(dataDir, { isolation: "none" });
  await t.database.system.delete(sandbox);
});
afterAll(async () => {
  await rm(dataDir, { recursive: true, force: true });
  await t.close();
});

async function findClosedPort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Daytona as a provider that is configured and away. */
const daytonaAway = () => ({
  SANDBOX_PROVIDER: "local,daytona",
  DAYTONA_API_KEY: "dtn_standin",
  DAYTONA_API_URL: `http://127.0.0.1:${String(closedPort)}/api`,
  PUBLIC_URL: "https://claude.acme.example",
});

const run = (
  args: readonly string[],
  more: { env?: Record<string, string>; ask?: (question: string) => Promise<string> } = {},
) =>
  runCommand(args, {
    env: {
      DATABASE_URL: t.url,
      LOG_LEVEL: "silent",
      DATA_DIR: dataDir,
      SANDBOX_LOCAL_ISOLATION: "none",
      ...more.env,
    },
    ...(more.ask === undefined ? {} : { ask: more.ask }),
  });

const json = async (args: readonly string[], more?: Parameters<typeof run>[1]) => {
  const { out, exitCode } = await run([...args, "--json"], more);
  return { ...(JSON.parse(out) as Answer), exitCode };
};

/** A session that uses a real local machine, with or without a row; at another provider the machine is a row only. */
async function machine(options: { recorded?: boolean; provider?: string } = {}) {
  const sessionId = await seedSession(t.database, at);
  const metadata = { app: "remote-claude-setup", session: sessionId, fence: "1" };
  const provider = options.provider ?? "local";
  const { id } =
    provider === "local"
      ? await local.create({ metadata, timeoutMs: 60_000, egress: [] })
      : { id: `machine-${crypto.randomUUID()}` };
  await t.database.system
    .update(session)
    .set({ sandboxProvider: provider, sandboxId: id })
    .where(eq(session.id, sessionId));
  const { accountId } = at;
  if (options.recorded !== false)
    await t.database.system
      .insert(sandbox)
      .values({ provider, id, accountId, sessionId, fence: 1, status: "running" });
  return { sessionId, id };
}

const stray = () =>
  local.create({
    metadata: { app: "remote-claude-setup", session: crypto.randomUUID(), fence: "1" },
    timeoutMs: 60_000,
    egress: [],
  });

const rowOf = async (id: string, provider = "local") =>
  (
    await t.database.system
      .select()
      .from(sandbox)
      .where(and(eq(sandbox.id, id), eq(sandbox.provider, provider)))
  )[0];

const left = async () => (await local.list({})).map(({ id }) => id);

describe("sandbox list", () => {
  test("shows what is recorded and what the provider names, as one", async () => {
    const known = await machine();
    const unrecorded = await machine({ recorded: false });
    const { id: unknown } = await stray();
    const lost = await machine();
    await local.killById(lost.id);
    const { sandboxes, unlisted, exitCode } = await json(["sandbox", "list"]);
    expect({ unlisted, exitCode }).toEqual({ unlisted: [], exitCode: 0 });
    expect(sandboxes).toHaveLength(4);
    const byId = (id: string) => sandboxes.find((each) => each.id === id);
    expect(byId(known.id)).toEqual({
      provider: "local",
      id: known.id,
      state: "running",
      record: "running",
      inUse: true,
      session: {
        id: known.sessionId,
        status: "active",
        repository: { owner: "acme", name: "widgets" },
        issueNumber: expect.any(Number) as number,
      },
      startedAt: expect.any(String) as string,
      usedAt: expect.any(String) as string,
      endedAt: null,
      endReason: null,
    });
    expect(byId(unrecorded.id)).toMatchObject({ record: null, session: { id: unrecorded.sessionId } });
    expect(byId(unknown)).toMatchObject({ record: null, session: null, inUse: false });
    expect(byId(lost.id)).toMatchObject({ state: null, record: "running" });
    const { out } = await run(["sandbox", "list"]);
    expect(out).toMatch(/^SANDBOX +STATE +RECORDED +USED +SESSION +ISSUE$/m);
    expect(out).toMatch(
      new RegExp(`^local/${known.id} +running +running +just now +\\S+ in use +acme/widgets#`, "m"),
    );
    expect(out).toMatch(new RegExp(`^local/${unknown} +running +no +.* +unknown +-$`, "m"));
  });

  test("shows ended ones when asked, and says when there are none", async () => {
    expect((await run(["sandbox", "list"])).out).toBe("There are no sandboxes.\n");
    const { id } = await machine();
    await run(["sandbox", "kill", `local/${id}`]);
    expect((await json(["sandbox", "list"])).sandboxes).toEqual([]);
    expect((await json(["sandbox", "list", "--all"])).sandboxes).toMatchObject([
      { id, record: "ended", endReason: "ended by the operator" },
    ]);
  });

  test("names a provider that does not answer", async () => {
    const { id } = await machine();
    const answer = await json(["sandbox", "list"], { env: daytonaAway() });
    expect(answer).toMatchObject({ sandboxes: [{ id }], unlisted: [{ provider: "daytona" }], exitCode: 1 });
  });
});

describe("sandbox kill", () => {
  test("ends one machine; its session stays", async () => {
    const { id, sessionId } = await machine();
    const other = await machine();
    expect(await json(["sandbox", "kill", `local/${id}`])).toEqual({
      sandboxes: [{ provider: "local", id, result: "ended", error: null }],
      unlisted: [],
      busyTasks: 0,
      exitCode: 0,
    });
    expect(await left()).toEqual([other.id]);
    expect(await rowOf(id)).toMatchObject({ status: "ended", endReason: "ended by the operator" });
    const [row] = await t.database.system.select().from(session).where(eq(session.id, sessionId));
    expect(row).toMatchObject({ status: "active", endedAt: null });
    expect((await run(["sandbox", "kill", `local/${id}`])).out).toMatch(/there was none/);
  });

  test("--all ends every machine, recorded or not, of a session or of nobody", async () => {
    const machines = [await machine(), await machine({ recorded: false })].map(({ id }) => id);
    const { id: unknown } = await stray();
    const busy = await machine();
    const running = await seedTask(t.database, { ...at, sessionId: busy.sessionId }, { status: "running" });
    const { sandboxes, busyTasks, exitCode } = await json(["sandbox", "kill", "--all", "--yes"]);
    expect(sandboxes.map(({ id, result }) => [id, result]).sort()).toEqual(
      [...machines, unknown, busy.id].map((id) => [id, "ended"]).sort(),
    );
    expect({ busyTasks, exitCode }).toEqual({ busyTasks: 1, exitCode: 0 });
    expect(await left()).toEqual([]);
    for (const id of machines) expect(await rowOf(id)).toMatchObject({ status: "ended" });
    expect((await run(["sandbox", "kill", "--all", "--yes"])).out).toBe(
      "There was no sandbox to end.\n1 task at work will open new sandboxes; session kill ends a session with its tasks.\n",
    );
    expect(await json(["session", "kill", busy.sessionId])).toMatchObject({ tasks: { stopping: [running] } });
  });

  test("--all marks what a provider that is away does not confirm", async () => {
    const { id } = await machine();
    const away = await machine({ provider: "daytona" });
    const former = await machine({ provider: "e2b" });
    const answer = await json(["sandbox", "kill", "--all", "--yes"], { env: daytonaAway() });
    expect(answer).toMatchObject({ unlisted: [{ provider: "daytona" }], exitCode: 1 });
    const byId = new Map(answer.sandboxes.map((each) => [each.id, each]));
    expect(byId.get(id)).toMatchObject({ result: "ended" });
    expect(byId.get(away.id)).toMatchObject({ result: "pending", error: expect.any(String) as string });
    expect(byId.get(former.id)).toMatchObject({
      result: "pending",
      error: expect.stringContaining("SANDBOX_PROVIDER does not name") as string,
    });
    expect(await rowOf(away.id, "daytona")).toMatchObject({
      status: "ending",
      endReason: "ended by the operator",
    });
    const { out } = await run(["sandbox", "kill", "--all", "--yes"], { env: daytonaAway() });
    expect(out).toMatch(new RegExp(`^daytona/${away.id} +to be confirmed +\\S`, "m"));
    expect(out).toContain("The workers ask again every five minutes until it is confirmed.");
    expect(out).toMatch(/^daytona did not answer, so that it may have more: /m);
  });

  test("--all asks first, and does nothing without a yes", async () => {
    const { id } = await machine();
    const questions: string[] = [];
    const say = (answer: string) => ({
      ask: (question: string) => {
        questions.push(question);
        return Promise.resolve(answer);
      },
    });
    for (const more of [{}, say(""), say("no")]) {
      const { err, exitCode, out } = await run(["sandbox", "kill", "--all"], more);
      expect({ exitCode, out }).toEqual({ exitCode: 1, out: "" });
      expect(err).toContain("Nothing was done: this would end 1 machine at local");
    }
    expect(await left()).toEqual([id]);
    expect(await rowOf(id)).toMatchObject({ status: "running" });
    expect((await run(["sandbox", "kill", "--all"], say(" Yes\n"))).exitCode).toBe(0);
    expect(questions).toHaveLength(3);
    expect(await left()).toEqual([]);
  });

  test.each([
    [["sandbox", "kill"], "sandbox-invalid"],
    [["sandbox", "kill", "abc"], "sandbox-invalid"],
    [["sandbox", "kill", "local/"], "sandbox-invalid"],
    [["sandbox", "kill", "local/abc", "--all"], "sandbox-invalid"],
    [["sandbox", "kill", "modal/abc"], "sandbox-provider-unknown"],
  ])("%j is %s", async (args, code) => {
    const { err, out, exitCode } = await run([...args, "--json"]);
    expect({ exitCode, out }).toEqual({ exitCode: 1, out: "" });
    expect(JSON.parse(err)).toMatchObject({ error: { code } });
  });
});

describe("session kill", () => {
  test("ends its machines at once, the one without a row too", async () => {
    const { id, sessionId } = await machine();
    const { id: second } = await local.create({
      metadata: { app: "remote-claude-setup", session: sessionId, fence: "2" },
      timeoutMs: 60_000,
      egress: [],
    });
    const other = await machine();
    const { out, exitCode } = await run(["session", "kill", sessionId]);
    expect(exitCode).toBe(0);
    expect(out).toMatch(new RegExp(`^local/${id} +ended$`, "m"));
    expect(await left()).toEqual([other.id]);
    expect(await rowOf(second)).toMatchObject({ status: "ended", sessionId });
  });

  test("works while the provider is away, and says so; the reaper has it in the row", async () => {
    const { id, sessionId } = await machine({ provider: "daytona" });
    const answer = await json(["session", "kill", sessionId], { env: daytonaAway() });
    const pending = answer.sandboxes.find(({ provider }) => provider === "daytona");
    expect(pending).toMatchObject({ id, result: "pending" });
    expect(answer.exitCode).toBe(0);
    expect(await rowOf(id, "daytona")).toMatchObject({ status: "ending" });
    const [row] = await t.database.system.select().from(session).where(eq(session.id, sessionId));
    expect(row).toMatchObject({ status: "terminated" });
  });
});
