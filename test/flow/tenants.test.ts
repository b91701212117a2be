import { eq } from "drizzle-orm";
import { expect, test } from "vitest";
import { account, task } from "../../db/schema.ts";
import { holdBack, writeFiles } from "../standins/model/scenarios.ts";
import { seeThread } from "./see-thread.ts";
import { shareWorld } from "./share-world.ts";

/** Two accounts on one bot: the same issue number in each, and nothing goes from one to the other. */

const theirs = "globex/gears";
const work = writeFiles({ "turn.txt": "turned\n" });

const world = shareWorld({ scenario: work, private: true }, async ({ github, app }) => {
  github.createOrganization("globex");
  await github.createRepository({ owner: "globex", name: "gears", private: true });
  github.createUser("mallory");
  github.setRole(theirs, "mallory", "admin");
  github.install({ app, owner: "globex", repositories: "all" });
});

const mallory = () => world().github.as("mallory");
const saidThere = (number: number) =>
  world()
    .github.comments(theirs, number)
    .filter(({ author }) => author === world().app.botLogin)
    .map(({ body }) => body);

test("what another account asks about the same issue number finds, stops and raises nothing of ours", async () => {
  const { github, model, repository, database } = world();
  const held = holdBack(work);
  model.script(held.scenario);
  const { issueNumber } = await world().ask("/claude write turn.txt", {
    title: "Secret plan",
    body: "Plan B.",
  });
  await held.arrived;
  const before = (await world().tasks()).find((row) => row.issueNumber === issueNumber);
  const { number } = await mallory().createIssue(theirs, { title: "Same number" });
  expect(number).toBe(issueNumber);

  const asked = ["stop", "status", "tasks", "budget 5", "approve", "why", "undo", "retry"];
  for (const [nth, verb] of asked.entries()) {
    await mallory().comment(theirs, number, `/claude ${verb}`);
    await world().until(`/claude ${verb} is answered`, () => Promise.resolve(saidThere(number)[nth]));
  }
  const words = JSON.stringify(saidThere(number));
  for (const ours of [
    "widgets",
    "acme",
    "Secret plan",
    "turn.txt",
    before?.id ?? "",
    before?.sessionId ?? "",
  ])
    expect(words).not.toContain(ours);
  expect((await world().tasks()).find(({ id }) => id === before?.id)).toMatchObject({
    ...{ status: "running", cancelRequestedAt: null, budgetMicroUsd: before?.budgetMicroUsd },
  });

  held.release();
  expect(await world().untilReported(issueNumber)).toMatchObject({ status: "completed", failures: 0 });
  expect((await seeThread(world(), issueNumber)).pulls).toHaveLength(1);
  expect(Object.keys(await github.branches(theirs))).toEqual(["main"]);
  const owners = await database.database.system
    .select({ login: account.login, taskId: task.id })
    .from(task)
    .innerJoin(account, eq(account.id, task.accountId));
  expect(owners).toEqual([{ login: "acme", taskId: before?.id }]);
  expect(
    github
      .comments(repository, issueNumber)
      .map(({ body }) => body)
      .join("\n"),
  ).not.toContain("mallory");
});
