import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { eq } from "drizzle-orm";
import { expect, test } from "vitest";
import { delivery, session } from "../../db/schema.ts";
import { hang, writeFiles } from "../standins/model/scenarios.ts";
import { seeThread } from "./see-thread.ts";
import { shareWorld } from "./share-world.ts";

const write = (path: string) => writeFiles({ [path]: "turned\n" });
const world = shareWorld({ scenario: write("turn.txt") });

const alice = () => world().github.as("alice");
const say = async (issueNumber: number, command: string) =>
  (await alice().comment(world().repository, issueNumber, command)).id;
const sessionsOf = async (issueNumber: number) =>
  (await world().database.database.system.select().from(session).orderBy(session.id)).filter(
    (row) => row.issueNumber === issueNumber,
  );

test("--new ends the conversation: the next has its own branch, request and memory", async () => {
  world().model.script(write("turn.txt"));
  const { issueNumber } = await world().ask("/claude write turn.txt");
  await world().untilReported(issueNumber);
  const before = world().model.requests.length;
  world().model.script(write("again.txt"));
  const commentId = await say(issueNumber, "/claude fix --new write again.txt");
  const second = await world().untilReported(issueNumber, { count: 2 });
  expect(second).toMatchObject({ status: "completed", outcome: { kind: "published" } });

  const [first, next] = await sessionsOf(issueNumber);
  expect([first?.status, next?.status]).toEqual(["terminated", "active"]);
  expect(next?.branch).toBe(`${first?.branch ?? ""}-2`);
  const seen = await seeThread(world(), issueNumber, commentId);
  expect(seen.said).toHaveLength(2);
  expect(seen.reactions).toEqual(["eyes", "rocket"]);
  expect(seen.pulls.map(({ head, files }) => [head, files.map(({ path }) => path)])).toEqual([
    [first?.branch, ["turn.txt"]],
    [next?.branch, ["again.txt"]],
  ]);
  const told = world()
    .model.requests.slice(before)
    .map(({ rawBody }) => rawBody.toString("utf8"))
    .join("\n");
  expect(told).not.toContain("I wrote turn.txt");
  const machines = join(world().config.dataDir, "sandboxes");
  await world().until("the first machine is gone", async () => {
    return !(await readdir(machines)).includes(first?.sandboxId ?? "");
  });
  expect(await readdir(machines)).toContain(next?.sandboxId);

  world().model.script(write("third.txt"));
  await say(issueNumber, "/claude and third.txt");
  const third = await world().untilReported(issueNumber, { count: 3 });
  expect(third.sessionId).toBe(second.sessionId);
});

test("--new on an issue without a conversation begins its first", async () => {
  world().model.script(write("turn.txt"));
  const { issueNumber } = await world().ask("/claude --new write turn.txt");
  expect(await world().untilReported(issueNumber)).toMatchObject({ status: "completed" });
  expect(await sessionsOf(issueNumber)).toMatchObject([{ status: "active" }]);
});

test("--new beside a task that runs or waits is refused on the thread, and works after stop", async () => {
  world().model.script(hang());
  const asked = world().model.requests.length;
  const { issueNumber } = await world().ask("/claude run for ever");
  await world().model.until((requests) => requests.length > asked);
  await say(issueNumber, "/claude and then this");
  await say(issueNumber, "/claude --new something else");
  const refusal = await world().until("the bot refuses", async () =>
    (await seeThread(world(), issueNumber)).said.find((text) => text.includes("no new one was begun")),
  );
  expect(refusal).toContain("/claude stop");
  expect(await sessionsOf(issueNumber)).toMatchObject([{ status: "active" }]);
  await say(issueNumber, "/claude stop");
  await world().untilReported(issueNumber, { count: 2 });

  world().model.script(write("else.txt"));
  await say(issueNumber, "/claude fix --new write else.txt");
  expect(await world().untilReported(issueNumber, { count: 3 })).toMatchObject({ status: "completed" });
  expect(await sessionsOf(issueNumber)).toMatchObject([{ status: "terminated" }, { status: "active" }]);
  expect((await seeThread(world(), issueNumber)).pulls).toMatchObject([{ files: [{ path: "else.txt" }] }]);
});

test("--new that is handled twice begins one conversation", async () => {
  const { system } = world().database.database;
  world().model.script(write("turn.txt"));
  const { issueNumber } = await world().ask("/claude write turn.txt");
  await world().untilReported(issueNumber);
  await say(issueNumber, "/claude fix --new write turn.txt");
  const second = await world().untilReported(issueNumber, { count: 2 });
  await world().github.drained();
  const sent = world()
    .github.deliveries()
    .findLast(({ event, body }) => event === "issue_comment" && body.includes("--new"));
  const row = eq(delivery.id, sent?.guid ?? "");
  // As after a worker that died between the task and the end of the delivery.
  await system.update(delivery).set({ status: "dead" }).where(row);
  await world().redeliver(sent?.id ?? 0);
  await world().until("it is handled again", async () =>
    (await system.select().from(delivery).where(row)).some(({ status }) => status === "done"),
  );
  expect(await sessionsOf(issueNumber)).toMatchObject([
    { status: "terminated" },
    { id: second.sessionId, status: "active" },
  ]);
  expect((await world().tasks()).filter((task) => task.issueNumber === issueNumber)).toHaveLength(2);
});

test("a branch of somebody else's that took the next name is stepped over", async () => {
  const { github, repository } = world();
  world().model.script(write("turn.txt"));
  const issue = await alice().createIssue(repository, { title: "Step over" });
  const name = `claude/${issue.number}-step-over`;
  await github.commit(repository, { branch: name, from: "main", files: { "theirs.txt": "t\n" } });
  await say(issue.number, "/claude write turn.txt");
  await world().untilReported(issue.number);
  expect(await sessionsOf(issue.number)).toMatchObject([{ branch: `${name}-2` }]);
  await say(issue.number, "/claude fix --new write turn.txt");
  expect(await world().untilReported(issue.number, { count: 2 })).toMatchObject({ status: "completed" });
  expect(await sessionsOf(issue.number)).toMatchObject([
    { branch: `${name}-2`, status: "terminated" },
    { branch: `${name}-3`, status: "active" },
  ]);
});
