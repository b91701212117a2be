import { eq } from "drizzle-orm";
import { expect, test } from "vitest";
import { checkpoint, sandbox, session } from "../../db/schema.ts";
import { frozenContext } from "../../src/tasks/frozen-context.ts";
import { holdBack, writeFiles } from "../standins/model/scenarios.ts";
import type { Scenario } from "../standins/model/reply.ts";
import { sendDelivery } from "../webhooks/send-delivery.ts";
import { seeThread } from "./see-thread.ts";
import { shareWorld } from "./share-world.ts";

/** What becomes of a session when its pull request, its branch or its issue changes. */

const world = shareWorld({ scenario: writeFiles({ "turn.txt": "turned\n" }) });
const alice = () => world().github.as("alice");
const repository = () => world().repository;
const system = () => world().database.database.system;

/** A pull request of ours, made by a first task. */
async function ourPull() {
  world().model.script(writeFiles({ "turn.txt": "turned\n" }));
  const { issueNumber } = await world().ask("/claude write turn.txt");
  const first = await world().untilReported(issueNumber);
  const { pulls, branches } = await seeThread(world(), issueNumber);
  const [pull] = pulls;
  if (pull === undefined) throw new Error("the first task made no pull request");
  return { issueNumber, number: pull.number, branch: branches[0] ?? "", first };
}

async function readSession(id: string) {
  const [row] = await system().select().from(session).where(eq(session.id, id));
  if (row === undefined) throw new Error(`there is no session ${id}`);
  return row;
}

const untilSession = (id: string, status: string) =>
  world().until(`session ${id} is ${status}`, async () => (await readSession(id)).status === status);

const reopen = (number: number) =>
  alice().api("PATCH", `/repos/${repository()}/pulls/${number}`, { state: "open" });

/** A second command on the issue; `meanwhile` happens while its model is asked. */
async function interrupt(issueNumber: number, meanwhile: () => Promise<unknown>, then?: Scenario) {
  const held = holdBack(then ?? writeFiles({ "again.txt": "again\n" }));
  world().model.script(held.scenario);
  const { id } = await alice().comment(repository(), issueNumber, "/claude and again.txt");
  await held.arrived;
  await meanwhile();
  return { id, release: held.release };
}

test("a reopened pull request: its session lives again on the same branch, in the same conversation", async () => {
  const { issueNumber, number, branch, first } = await ourPull();
  await alice().closeIssue(repository(), number);
  await untilSession(first.sessionId, "terminated");
  await world().until("its machine is gone", async () => {
    const rows = await system().select().from(sandbox).where(eq(sandbox.sessionId, first.sessionId));
    return rows.length > 0 && rows.every(({ status }) => status === "ended");
  });
  expect((await reopen(number)).status).toBe(200);
  await untilSession(first.sessionId, "paused");
  const before = world().model.requests.length;
  world().model.script(writeFiles({ "again.txt": "again\n" }));
  await alice().comment(repository(), issueNumber, "/claude and again.txt");
  const task = await world().untilReported(issueNumber, { count: 2 });
  expect(task).toMatchObject({ status: "completed", sessionId: first.sessionId });
  const seen = await seeThread(world(), issueNumber);
  expect(seen.branches).toEqual([branch]);
  expect(seen.pulls).toMatchObject([{ number, state: "open" }]);
  expect(seen.pulls[0]?.files.map(({ path }) => path).sort()).toEqual(["again.txt", "turn.txt"]);
  const asked = world()
    .model.requests.slice(before)
    .map(({ rawBody }) => rawBody.toString());
  expect(asked.some((body) => body.includes("write turn.txt"))).toBe(true);
});

test("reopened while its machine is still being ended: the next task goes on in another one", async () => {
  const { issueNumber, first } = await ourPull();
  const { sandboxId } = await readSession(first.sessionId);
  // What closing and reopening leave while the provider takes its time.
  await system()
    .update(sandbox)
    .set({ status: "ending", endReason: "session-ended" })
    .where(eq(sandbox.sessionId, first.sessionId));
  await system()
    .update(session)
    .set({ status: "paused", sandboxProvider: null, sandboxId: null })
    .where(eq(session.id, first.sessionId));
  world().model.script(writeFiles({ "again.txt": "again\n" }));
  await alice().comment(repository(), issueNumber, "/claude and again.txt");
  expect(await world().untilReported(issueNumber, { count: 2 })).toMatchObject({
    ...{ status: "completed", sessionId: first.sessionId, failures: 0 },
  });
  const now = await readSession(first.sessionId);
  expect(now.sandboxId).not.toBeNull();
  expect(now.sandboxId).not.toBe(sandboxId);
});

test("reopened after its issue has begun another conversation: a command there says where to go", async () => {
  const { issueNumber, number, first } = await ourPull();
  await alice().closeIssue(repository(), number);
  await untilSession(first.sessionId, "terminated");
  world().model.script(writeFiles({ "other.txt": "other\n" }));
  await alice().comment(repository(), issueNumber, "/claude write other.txt");
  const second = await world().untilReported(issueNumber, { count: 2 });
  expect(second.sessionId).not.toBe(first.sessionId);
  await reopen(number);
  await alice().comment(repository(), number, "/claude and again.txt");
  const said = await world().until("the bot answers", async () => (await seeThread(world(), number)).said[0]);
  expect(said).toContain("its issue has begun another one");
  expect(await readSession(first.sessionId)).toMatchObject({ status: "terminated" });
});

test("the base is changed: the next task on the issue works for the new one; where that is gone, for the default branch", async () => {
  await world().github.commit(repository(), {
    branch: "next",
    from: "main",
    files: { "next.txt": "n\n" },
  });
  const { issueNumber, number, first } = await ourPull();
  const answer = await alice().api("PATCH", `/repos/${repository()}/pulls/${number}`, { base: "next" });
  expect(answer.status).toBe(200);
  await world().until("the session follows", async () => {
    return (await readSession(first.sessionId)).baseRef === "next";
  });
  world().model.script(writeFiles({ "again.txt": "again\n" }));
  await alice().comment(repository(), issueNumber, "/claude and again.txt");
  const task = await world().untilReported(issueNumber, { count: 2 });
  expect(task).toMatchObject({ status: "completed", outcome: { kind: "published" } });
  expect(frozenContext.parse(task.context).base.ref).toBe("next");
  await alice().api("DELETE", `/repos/${repository()}/git/refs/heads/next`);
  world().model.script(writeFiles({ "third.txt": "third\n" }));
  await alice().comment(repository(), issueNumber, "/claude and third.txt");
  const third = await world().untilReported(issueNumber, { count: 3 });
  expect(frozenContext.parse(third.context).base.ref).toBe("main");
});

async function deliver(event: string, body: unknown): Promise<void> {
  const signedWith = world().app.webhookSecret;
  const answer = await sendDelivery(world().server.url, { event, body, signedWith });
  expect(answer).toMatchObject({ status: 202, outcome: "queued" });
}

test("the branch is deleted while a task runs: it ends in clear words, and its work is kept", async () => {
  const { issueNumber, branch, first } = await ourPull();
  const { release } = await interrupt(issueNumber, () =>
    alice().api("DELETE", `/repos/${repository()}/git/refs/heads/${branch}`),
  );
  const task = await world().untilReported(issueNumber, { count: 2 });
  release();
  expect(task).toMatchObject({ status: "cancelled", outcome: { kind: "cancelled" } });
  const { said } = await seeThread(world(), issueNumber);
  expect(said[1]).toContain("(its branch was deleted)");
  await untilSession(first.sessionId, "terminated");
  const kept = await system().select().from(checkpoint).where(eq(checkpoint.taskId, task.id));
  expect(kept).toHaveLength(1);
  expect(await world().github.branches(repository())).not.toHaveProperty(branch);
});

test("a push to our branch starts nothing, and a person's pull request that is closed ends its task", async () => {
  const { branch, first } = await ourPull();
  await world().github.commit(repository(), { branch, files: { "theirs.txt": "t\n" }, by: "alice" });
  await world().github.commit(repository(), { branch: "mine", files: { "own.txt": "o\n" }, by: "alice" });
  const { number } = await alice().openPull(repository(), { title: "Mine", head: "mine", base: "main" });
  const { release } = await interrupt(number, () => alice().closeIssue(repository(), number));
  const task = await world().untilReported(number);
  release();
  expect(task).toMatchObject({ status: "cancelled", outcome: { kind: "cancelled" } });
  expect((await seeThread(world(), number)).said.at(-1)).toContain("the pull request was closed");
  await untilSession(task.sessionId, "terminated");
  expect((await world().tasks()).filter(({ sessionId }) => sessionId === first.sessionId)).toHaveLength(1);
});

test("the issue is transferred while a task runs: the task is stopped, and nothing is tried for ever", async () => {
  world().model.script(writeFiles({ "turn.txt": "turned\n" }));
  const { number: issueNumber } = await alice().createIssue(repository(), { title: "Moves away" });
  const labeled = () =>
    world()
      .github.deliveries()
      .filter(({ event }) => event === "issues")
      .at(-1);
  await world().github.drained();
  const envelope = JSON.parse(String(labeled()?.body)) as Record<string, unknown>;
  const { release } = await interrupt(issueNumber, () =>
    deliver("issues", { ...envelope, action: "transferred" }),
  );
  const task = await world().untilReported(issueNumber);
  release();
  expect(task).toMatchObject({ status: "cancelled", outcome: { kind: "cancelled" } });
  expect((await seeThread(world(), issueNumber)).said.at(-1)).toContain("the issue was transferred");
});

test("the base moves on between two tasks: the second is published all the same", async () => {
  const { issueNumber } = await ourPull();
  await world().github.commit(repository(), { branch: "main", files: { "main.txt": "m\n" }, by: "alice" });
  world().model.script(writeFiles({ "again.txt": "again\n" }));
  await alice().comment(repository(), issueNumber, "/claude and again.txt");
  expect(await world().untilReported(issueNumber, { count: 2 })).toMatchObject({
    ...{ status: "completed", failures: 0, outcome: { kind: "published" } },
  });
});
