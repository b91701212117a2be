import { expect, test } from "vitest";
import { answer } from "../standins/model/reply.ts";
import { bash, byWord, holdBack, writeFiles } from "../standins/model/scenarios.ts";
import { seeReview } from "./see-review.ts";
import { seeThread } from "./see-thread.ts";
import { shareWorld } from "./share-world.ts";

const held = holdBack(writeFiles({ "moved.txt": "moved\n" }));
const heldBase = holdBack(writeFiles({ "base.txt": "base\n" }));

const world = shareWorld({
  files: { "README.md": "# widgets\n" },
  scenario: byWord({
    "why-so": ({ turn }) =>
      turn === 0
        ? answer("I'll try it.", bash("echo junk > junk.txt; echo bad > README.md; rm -f a.txt", "Try it"))
        : answer("Because the README says so."),
    "write-more": writeFiles({ "b.txt": "b\n" }),
    "rename-base": heldBase.scenario,
    "move-me": held.scenario,
    begin: writeFiles({ "a.txt": "a\n" }),
  }),
});

const alice = () => world().github.as("alice");

test("a question in a review thread is answered there, and what its turn changed by the shell is in no commit", async () => {
  const { issueNumber } = await world().ask("/claude begin");
  const task = await world().untilReported(issueNumber);
  const pull = (task.outcome as { pull: { number: number } }).pull.number;
  await alice().review(world().repository, pull, {
    event: "COMMENT",
    body: "",
    comments: [{ path: "a.txt", line: 1, body: "/claude ask why-so" }],
  });
  const asked = await world().untilReported(pull);
  expect(asked).toMatchObject({ verb: "ask", outcome: { kind: "answered" } });
  const [thread] = await seeReview(world(), pull);
  expect(thread?.answers).toEqual([expect.stringContaining("Because the README says so.")]);
  expect(thread?.resolved).toBe(false);
  await alice().comment(world().repository, pull, "/claude write-more");
  await world().untilReported(pull, { count: 2 });
  const ours = (await world().github.pullRequests(world().repository)).find(({ number }) => number === pull);
  expect(ours?.files.map(({ path }) => path).sort()).toEqual(["a.txt", "b.txt"]);
});

test("the default branch is renamed while a task runs: its pull request is for the new name", async () => {
  const { issueNumber } = await world().ask("/claude rename-base");
  await heldBase.arrived;
  await world().github.renameBranch(world().repository, "main", "trunk");
  await world().github.drained();
  heldBase.release();
  const task = await world().untilReported(issueNumber);
  expect(task).toMatchObject({ status: "completed", outcome: { kind: "published" } });
  expect((await seeThread(world(), issueNumber)).pulls).toMatchObject([{ base: "trunk" }]);
});

test("the repository is renamed while a task runs: its work is pushed under the new name", async () => {
  const { issueNumber } = await world().ask("/claude move-me");
  await held.arrived;
  world().github.renameRepository(world().repository, "gadgets");
  await world().github.drained();
  held.release();
  const task = await world().untilReported(issueNumber);
  expect(task).toMatchObject({ status: "completed", outcome: { kind: "published" } });
  const pulls = await world().github.pullRequests("acme/gadgets");
  expect(pulls.filter(({ files }) => files.some(({ path }) => path === "moved.txt"))).toHaveLength(1);
  expect((await seeThread({ ...world(), repository: "acme/gadgets" }, issueNumber)).said).toEqual([
    expect.stringContaining("a draft to review"),
  ]);
});
