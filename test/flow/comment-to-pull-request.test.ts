import { afterEach, beforeEach, expect, test } from "vitest";
import { demoFix } from "../standins/model/demo-fix.ts";
import { readDemoRepository } from "../support/demo-repository.ts";
import { needBwrap } from "../support/need-bwrap.ts";
import { openWorld, type World } from "../support/world.ts";

let world: World;
beforeEach(async (context) => {
  await needBwrap(context);
  world = await openWorld({ scenario: demoFix, files: await readDemoRepository() });
});
afterEach(() => world.close());

test("a comment becomes a draft pull request", async () => {
  await world.startWorker();
  const { issueNumber, commentId } = await world.ask("/claude fix this and make the failing test pass");
  const task = await world.untilReported(issueNumber);
  expect(task.outcome).toMatchObject({ kind: "published" });
  expect(task.status).toBe("completed");
  const { github, repository } = world;
  const [pull] = await github.pullRequests(repository);
  expect(pull).toMatchObject({ draft: true, base: "main", files: [{ path: "src/slugify.js" }] });
  expect(github.reactions(repository, issueNumber, commentId).map(({ content }) => content)).toEqual([
    "eyes",
    "rocket",
  ]);
  const said = github.comments(repository, issueNumber).filter(({ author }) => author.endsWith("[bot]"));
  expect(said).toHaveLength(1);
});
