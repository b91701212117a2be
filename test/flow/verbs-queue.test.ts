import { expect, test } from "vitest";
import { byWord, holdBack, writeFiles } from "../standins/model/scenarios.ts";
import { seeThread } from "./see-thread.ts";
import { shareWorld } from "./share-world.ts";

/** What the threads of tasks that wait are told, and in which order they are served. */

const first = holdBack(writeFiles({ "first.txt": "1\n" }));
const second = holdBack(writeFiles({ "second.txt": "2\n" }));

const world = shareWorld({
  scenario: byWord({
    "go-first": first.scenario,
    "go-second": second.scenario,
    "go-third": writeFiles({ "third.txt": "3\n" }),
    "bobs-own": writeFiles({ "bob.txt": "b\n" }),
  }),
  env: { ACCOUNT_MAX_PARALLEL_TASKS: "1" },
});

const headline = async (issueNumber: number) => {
  const { said } = await seeThread(world(), issueNumber);
  return said.find((body) => body.includes("remote-claude:task:"))?.split("\n")[0] ?? "";
};

test("a second person's task goes before the first one's third, and each thread hears of its place as it changes", async () => {
  const { github, repository } = world();
  github.setRole(repository, "bob", "write");
  const one = await world().ask("/claude go-first");
  await first.arrived;
  const two = await world().ask("/claude go-second");
  await world().until("the second is next", async () =>
    (await headline(two.issueNumber)).includes("next in line"),
  );
  const three = await world().ask("/claude go-third");
  await world().until("the third is 2nd", async () =>
    (await headline(three.issueNumber)).includes("2nd of 2"),
  );
  const issue = await github.as("bob").createIssue(repository, { title: "Bob's" });
  await github.as("bob").comment(repository, issue.number, "/claude bobs-own");
  await world().until("bob's is next", async () => (await headline(issue.number)).includes("next in line"));
  expect(await headline(issue.number)).toBe("⏳ **Waiting**: next in line, the account's one slot is busy");
  first.release();
  expect(await world().untilReported(issue.number)).toMatchObject({ status: "completed" });
  await second.arrived;
  await world().until("the third has moved up", async () =>
    (await headline(three.issueNumber)).includes("next in line"),
  );
  second.release();
  const last = await world().untilReported(three.issueNumber);
  const started = (await world().tasks())
    .sort((a, b) => Number(a.startedAt) - Number(b.startedAt))
    .map((task) => task.issueNumber);
  expect(started).toEqual([one.issueNumber, issue.number, two.issueNumber, three.issueNumber]);
  expect(last.status).toBe("completed");
  const edits = github.requests.filter(({ operationId }) => operationId === "issues/update-comment");
  expect(edits.length).toBeGreaterThan(0);
});
