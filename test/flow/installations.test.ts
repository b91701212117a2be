import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { installation, repository, session } from "../../db/schema.ts";
import { listUnreported } from "../../src/tasks/unreported-store.ts";
import { changeNothing, hang, holdBack, writeFiles } from "../standins/model/scenarios.ts";
import { needBwrap } from "../support/need-bwrap.ts";
import { openWorld, type World } from "../support/world.ts";
import { seeThread } from "./see-thread.ts";

let world: World;
beforeEach(async (context) => {
  await needBwrap(context);
  world = await openWorld({ scenario: writeFiles({ "turn.txt": "turned\n" }) });
  await world.startWorker();
});
afterEach(() => world.close());

const rows = async (table: typeof installation | typeof repository | typeof session) =>
  world.database.database.system.select().from(table);
/** GitHub's name for making a token. */
const mint = "apps/create-installation-access-token";
const sandboxes = async () =>
  (await readdir(join(world.config.dataDir, "sandboxes"))).filter((name) => !name.startsWith("."));

test("an installation brings its account and repositories, and a renamed repository goes on under its new name", async () => {
  await world.until("the installation is known", async () => (await rows(repository)).length === 1);
  expect(await rows(repository)).toMatchObject([
    { owner: "acme", name: "widgets", private: false, removedAt: null },
  ]);
  world.github.renameRepository(world.repository, "gadgets");
  const alice = world.github.as("alice");
  const issue = await alice.createIssue("acme/gadgets", { title: "Turn" });
  await alice.comment("acme/gadgets", issue.number, "/claude write turn.txt");
  await world.untilReported(issue.number);
  expect(await rows(repository)).toMatchObject([{ name: "gadgets" }]);
  expect(await world.github.pullRequests("acme/gadgets")).toHaveLength(1);
});

test("uninstalling stops the running task and removes the sandbox; nothing starts afterwards", async () => {
  world.model.script(hang());
  const { issueNumber } = await world.ask("/claude run for ever");
  await world.model.until((requests) => requests.length > 0);
  expect(await sandboxes()).toHaveLength(1);
  world.github.uninstall(world.installation);
  const task = await world.untilReported(issueNumber);
  expect(task.status).toBe("cancelled");
  await world.until("the sandbox is gone", async () => (await sandboxes()).length === 0);
  expect(await rows(session)).toMatchObject([{ status: "terminated" }]);
  expect(await rows(installation)).toMatchObject([{ removedAt: expect.any(Date) as Date }]);
});

test("a repository taken out of the installation loses its tasks and its sandbox", async () => {
  world.model.script(hang());
  const { issueNumber } = await world.ask("/claude run for ever");
  await world.model.until((requests) => requests.length > 0);
  await world.github.createRepository({ owner: "acme", name: "other" });
  world.github.setInstalledRepositories(world.installation, ["other"]);
  expect((await world.untilReported(issueNumber)).status).toBe("cancelled");
  await world.until("the sandbox is gone", async () => (await sandboxes()).length === 0);
});

test("while suspended nothing starts; unsuspended its threads hear how it ended, and it works again", async () => {
  world.model.script(hang());
  const first = await world.ask("/claude run for ever");
  await world.model.until((requests) => requests.length > 0);
  await world.until(
    "the status comment stands",
    async () => (await seeThread(world, first.issueNumber)).said[0],
  );
  world.github.suspend(world.installation);
  const stopped = await world.until("the task is stopped", async () =>
    (await world.tasks()).find(({ status }) => status === "cancelled"),
  );
  await world.until("GitHub has refused its last word", () =>
    Promise.resolve(
      world.github.requests.some(({ operationId, status }) => operationId === mint && status === 403),
    ),
  );
  const { system } = world.database.database;
  const sweepable = () => listUnreported(system, { endedBefore: new Date(Date.now() + 60_000) });
  expect(await sweepable()).toEqual([]);
  expect((await seeThread(world, first.issueNumber)).said[0]).not.toContain("Stopped");

  world.github.unsuspend(world.installation);
  expect((await world.untilReported(first.issueNumber)).id).toBe(stopped.id);
  expect(await seeThread(world, first.issueNumber, first.commentId)).toMatchObject({
    said: [expect.stringContaining("**Stopped** by acme (the App was suspended)")],
    reactions: ["eyes", "confused"],
  });
  world.model.script(writeFiles({ "turn.txt": "turned\n" }));
  const second = await world.ask("/claude write turn.txt");
  expect((await world.untilReported(second.issueNumber)).status).toBe("completed");
});

test("a task that ended before the news of the suspension came is heard of as well", async () => {
  const { github, model } = world;
  const held = holdBack(changeNothing());
  model.script(held.scenario);
  const { issueNumber, commentId } = await world.ask("/claude turn it");
  await held.arrived;
  github.setWebhook(world.app, { url: "http://127.0.0.1:9/" });
  github.suspend(world.installation);
  held.release();
  expect((await world.untilReported(issueNumber)).status).toBe("completed");
  expect((await seeThread(world, issueNumber, commentId)).reactions).toEqual(["eyes"]);
  github.setWebhook(world.app, { url: `${world.server.url}/api/github/webhooks` });
  const news = github
    .deliveries()
    .find(({ event, action }) => event === "installation" && action === "suspend");
  await world.redeliver(news?.id ?? 0);
  await world.until("it counts as unsaid", async () => (await world.tasks())[0]?.reportedAt === null);
  github.unsuspend(world.installation);
  await world.untilReported(issueNumber);
  expect(await seeThread(world, issueNumber, commentId)).toMatchObject({
    said: [expect.stringContaining("Nothing to change")],
    reactions: ["eyes", "rocket"],
  });
});

test("a merged pull request ends the session, and the next command starts a new one on another branch", async () => {
  const { issueNumber } = await world.ask("/claude fix --ready write turn.txt");
  await world.untilReported(issueNumber);
  const [pull] = await world.github.pullRequests(world.repository);
  world.github.setRole(world.repository, "alice", "admin");
  await world.github.as("alice").merge(world.repository, pull?.number ?? 0);
  await world.until("the session has ended", async () =>
    (await rows(session)).every((row) => "status" in row && row.status === "terminated"),
  );
  await world.until("the sandbox is gone", async () => (await sandboxes()).length === 0);
  world.model.script(writeFiles({ "again.txt": "again\n" }));
  await world.github.as("alice").comment(world.repository, issueNumber, "/claude and again.txt");
  await world.untilReported(issueNumber, { count: 2 });
  const pulls = await world.github.pullRequests(world.repository);
  expect(pulls.map(({ head, merged }) => ({ head, merged }))).toEqual(
    expect.arrayContaining([
      { head: pull?.head, merged: true },
      { head: `${pull?.head ?? ""}-2`, merged: false },
    ]),
  );
});
