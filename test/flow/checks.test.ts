import { eq, sql } from "drizzle-orm";
import { afterAll, expect, test } from "vitest";
import { delivery } from "../../db/schema.ts";
import { frozenContext } from "../../src/tasks/frozen-context.ts";
import type { Scenario } from "../standins/model/reply.ts";
import { writeFiles } from "../standins/model/scenarios.ts";
import { checksFront, type ChecksFront } from "../support/checks-front.ts";
import { checkRun } from "../support/checks-server.ts";
import type { TaskRow } from "../support/world.ts";
import { toRequest } from "../webhooks/send-delivery.ts";
import { shareWorld } from "./share-world.ts";

let front: ChecksFront | undefined;
const facts = () => {
  if (front === undefined) throw new Error("the front is opened with the world");
  return front.facts;
};
const outcomes: { sessionId: string; outcome: string }[] = [];
const prompts: string[] = [];

/** Every prompt gets a file of its own, so that every task pushes. */
const anotherFile: Scenario = (call) => {
  if (!prompts.includes(call.prompt)) prompts.push(call.prompt);
  const name = `turn-${prompts.indexOf(call.prompt)}.txt`;
  return writeFiles({ [name]: `${name}\n` })(call);
};

const open = shareWorld(
  {
    scenario: anotherFile,
    env: { LOG_LEVEL: "info" },
    logTo: {
      write(line) {
        const { outcome, sessionId, msg } = JSON.parse(line) as Record<string, unknown>;
        if (msg === "checks looked at" && typeof outcome === "string" && typeof sessionId === "string")
          outcomes.push({ outcome, sessionId });
      },
    },
  },
  async (world) => {
    front = await checksFront(world.github.apiUrl);
    Object.assign(world.config.github, { apiUrl: front.apiUrl });
  },
);
afterAll(() => front?.close());

const alice = () => open().github.as("alice");
const repository = () => open().repository;

type Ours = { number: number; branch: string; sessionId: string; head(): Promise<string>; base: string };

async function ourPull(): Promise<Ours> {
  const { issueNumber } = await open().ask("/claude write a file");
  const first = await open().untilReported(issueNumber);
  const find = async () => {
    const pulls = await open().github.pullRequests(repository());
    const pull = pulls.find(({ head }) => head.startsWith(`claude/${issueNumber}-`));
    if (pull === undefined) throw new Error("the first task made no pull request");
    return pull;
  };
  const { number, head: branch } = await find();
  const { body } = await alice().api("GET", `/repos/${repository()}/pulls/${number}`);
  const { base } = body as { base: { sha: string } };
  const head = async () => {
    const { body } = await alice().api("GET", `/repos/${repository()}/pulls/${number}`);
    return (body as { head: { sha: string } }).head.sha;
  };
  return { number, branch, sessionId: first.sessionId, head, base: base.sha };
}

let suiteId = 1_000;

/** GitHub's word that a suite of checks has ended. */
async function suiteEnds(ours: Ours, sha: string, appId = 15_368): Promise<string> {
  const { app, server, installation, github } = open();
  const { body: ofRepository } = await github.as("alice").api("GET", `/repos/${repository()}`);
  const body = {
    action: "completed",
    check_suite: {
      ...{ id: suiteId++, head_sha: sha, head_branch: ours.branch, updated_at: "2026-01-01T10:01:00Z" },
      app: { id: appId },
    },
    repository: ofRepository,
    installation: { id: installation.id },
    sender: { id: 1, login: "github-actions[bot]", type: "Bot" },
  };
  const { text, headers } = toRequest({ event: "check_suite", body, signedWith: app.webhookSecret });
  const answer = await fetch(`${server.url}/api/github/webhooks`, { method: "POST", body: text, headers });
  expect(answer.status).toBe(202);
  return headers["x-github-delivery"] ?? "";
}

/** The delivery has been handled, and no look has come of it that still waits. */
async function untilHandled(deliveryId: string): Promise<void> {
  const { system } = open().database.database;
  await open().until("the delivery is handled", async () => {
    const [row] = await system.select().from(delivery).where(eq(delivery.id, deliveryId));
    return row?.status === "done";
  });
  await open().until("no look waits", async () => {
    const found = await system.execute(
      sql`select 1 from pgboss.job where name = 'checks' and state < 'completed'`,
    );
    return found.length === 0;
  });
}

const looks = (ours: Ours) =>
  outcomes.filter(({ sessionId }) => sessionId === ours.sessionId).map(({ outcome }) => outcome);

/** The suite ends, and what the look that follows comes to. */
async function lookAfter(ours: Ours, sha: string): Promise<string> {
  const before = looks(ours).length;
  await suiteEnds(ours, sha);
  return open().until("the checks are looked at", () => Promise.resolve(looks(ours)[before]), 30_000);
}

const repairs = async (ours: Ours): Promise<TaskRow[]> =>
  (await open().tasks()).filter(
    ({ sessionId, trigger }) => sessionId === ours.sessionId && trigger === "checks",
  );

async function untilRepaired(ours: Ours, count: number): Promise<TaskRow> {
  return open().until(`repair ${count} is reported`, async () => {
    const rows = await repairs(ours);
    return rows.length >= count && rows.every(({ reportedAt }) => reportedAt !== null) ? rows[0] : null;
  });
}

const notes = (ours: Ours, kind: string) =>
  open()
    .github.comments(repository(), ours.number)
    .filter(({ body }) => body.includes(`<!-- remote-claude:${kind}:`));

const fails = (name = "test", id?: number) =>
  checkRun({
    name,
    conclusion: "failure",
    ...(id === undefined ? {} : { id }),
    output: { summary: "1 != 2" },
  });

test("a failed check starts one repair, however many checks end at once; once green nothing more happens", async () => {
  const ours = await ourPull();
  const head = await ours.head();
  facts().runs.set(head, [fails(), checkRun({ name: "lint", conclusion: "success" })]);
  await Promise.all(Array.from({ length: 20 }, () => suiteEnds(ours, head)));
  const task = await untilRepaired(ours, 1);
  expect(await repairs(ours)).toHaveLength(1);
  expect(task).toMatchObject({ verb: "fix-ci", requesterLogin: "alice", status: "completed" });
  expect(task.businessKey).toMatch(new RegExp(`^checks:7:${head}:\\d+$`));
  expect(task.prompt).toContain('Check "test": failure');
  expect(task.prompt).toContain("1 != 2");
  expect(frozenContext.parse(task.context).checks).toMatchObject({ headSha: head, attempt: 1 });
  const next = await ours.head();
  expect(next).not.toBe(head);
  facts().runs.set(next, [checkRun({ name: "test", conclusion: "success" })]);
  expect(await lookAfter(ours, next)).toBe("green");
  expect(await lookAfter(ours, head)).toBe("green");
  expect(await repairs(ours)).toHaveLength(1);
  expect(notes(ours, "checks-note")).toEqual([]);
});

test("while a check still runs nothing is started", async () => {
  const ours = await ourPull();
  const head = await ours.head();
  facts().runs.set(head, [fails(), checkRun({ name: "slow", conclusion: null })]);
  expect(await lookAfter(ours, head)).toBe("pending");
  expect(await repairs(ours)).toEqual([]);
});

test("what is flaky, or red on the base as well, gets one note and no repair", async () => {
  const ours = await ourPull();
  const head = await ours.head();
  facts().runs.set(head, [
    checkRun({ id: 9_001, name: "wobbly", conclusion: "success" }),
    checkRun({ id: 9_002, name: "wobbly", conclusion: "failure", startedAt: "2026-01-01T11:00:00Z" }),
    fails("red before", 9_003),
  ]);
  facts().runs.set(ours.base, [fails("red before", 9_004)]);
  expect(await lookAfter(ours, head)).toBe("not-ours-to-mend");
  expect(await lookAfter(ours, head)).toBe("not-ours-to-mend");
  facts().runs.delete(ours.base);
  const [note, ...others] = notes(ours, "checks-note");
  expect(others).toEqual([]);
  expect(note?.body).toContain("wobbly");
  expect(note?.body).toContain("has also passed on this very commit");
  expect(note?.body).toContain("fails on the base branch as well");
  expect(await repairs(ours)).toEqual([]);
});

test("a check that fails for ever is repaired three times, then one note says what was tried, until a person says something", async () => {
  const ours = await ourPull();
  for (let count = 1; count <= 3; count++) {
    const head = await ours.head();
    facts().runs.set(head, [fails()]);
    expect(await lookAfter(ours, head)).toBe("repair-started");
    await untilRepaired(ours, count);
  }
  const head = await ours.head();
  facts().runs.set(head, [fails()]);
  expect(await lookAfter(ours, head)).toBe("stopped");
  expect(await lookAfter(ours, head)).toBe("stopped");
  const [note, ...others] = notes(ours, "checks-stop");
  expect(others).toEqual([]);
  expect(note?.body).toContain("still fail after 3 repairs");
  expect(await repairs(ours)).toHaveLength(3);
  await alice().comment(repository(), ours.number, "/claude try another way");
  await open().untilReported(ours.number, { count: 4 });
  const after = await ours.head();
  expect(after).not.toBe(head);
  facts().runs.set(after, [fails()]);
  expect(await lookAfter(ours, after)).toBe("repair-started");
  await untilRepaired(ours, 4);
}, 180_000);

test("autofix off, a person who may no longer write, and our own checks start nothing", async () => {
  const ours = await ourPull();
  const head = await ours.head();
  facts().runs.set(head, [fails()]);
  open().github.setRole(repository(), "alice", "read");
  try {
    expect(await lookAfter(ours, head)).toBe("no-write-access");
  } finally {
    open().github.setRole(repository(), "alice", "write");
  }
  await alice().comment(repository(), ours.number, "/claude autofix off");
  await open().until("autofix is off", () =>
    Promise.resolve(notes(ours, "reply").some(({ body }) => body.includes("Autofix is off"))),
  );
  const before = looks(ours).length;
  await untilHandled(await suiteEnds(ours, head, open().app.id));
  expect(looks(ours)).toHaveLength(before);
  expect(await lookAfter(ours, head)).toBe("autofix-off");
  expect(looks(ours)).toHaveLength(before + 1);
  expect(await repairs(ours)).toEqual([]);
});

test("fix-ci without a failure starts nothing and says why; with one it starts at once", async () => {
  const ours = await ourPull();
  const head = await ours.head();
  const said = (words: string) =>
    open().until(`it says ${words}`, () =>
      Promise.resolve(notes(ours, "reply").some(({ body }) => body.includes(words))),
    );
  facts().runs.set(head, [checkRun({ name: "slow", conclusion: null })]);
  await alice().comment(repository(), ours.number, "/claude fix-ci");
  await said("slow still runs");
  facts().runs.set(head, [checkRun({ name: "slow", conclusion: "success" })]);
  await alice().comment(repository(), ours.number, "/claude fix-ci");
  await said("there is nothing to repair");
  facts().runs.set(head, [fails()]);
  await alice().comment(repository(), ours.number, "/claude fix-ci the fixture is wrong");
  const task = await open().untilReported(ours.number);
  expect(task).toMatchObject({ verb: "fix-ci", trigger: "comment", instruction: "the fixture is wrong" });
  expect(task.prompt).toContain('Check "test": failure');
});
