import { expect, test } from "vitest";
import type { Scenario } from "../standins/model/reply.ts";
import { workOffReview } from "../standins/model/scenarios-review.ts";
import { seeThread } from "./see-thread.ts";
import { shareWorld } from "./share-world.ts";

const world = shareWorld({ files: { "README.md": "# widgets\n" } });

const write = (path: string, title: string): Scenario =>
  workOffReview({
    files: { [path]: `${title}\n` },
    result: () => `${title}\n\n## Summary\nSummary of ${title}.\n`,
  });

async function round(issueNumber: number | null, count: number, scenario: Scenario): Promise<number> {
  world().model.script(scenario);
  if (issueNumber === null) issueNumber = (await world().ask("/claude begin")).issueNumber;
  else await world().github.as("alice").comment(world().repository, issueNumber, "/claude go on");
  expect(await world().untilReported(issueNumber, { count })).toMatchObject({ status: "completed" });
  return issueNumber;
}
const pullOf = async (issueNumber: number) => {
  const [pull] = (await seeThread(world(), issueNumber)).pulls;
  if (pull === undefined) throw new Error("expected a pull request");
  return pull;
};
const edit = async (number: number, change: { title?: string; body?: string }) => {
  const answer = await world()
    .github.as("alice")
    .api("PATCH", `/repos/${world().repository}/pulls/${number}`, change);
  expect(answer.status).toBe(200);
};

test("title and body follow the work, a person's title stays, and a body that they have edited is theirs", async () => {
  const issueNumber = await round(null, 1, write("a.txt", "Turn one"));
  await round(issueNumber, 2, write("b.txt", "Turn two"));
  const second = await pullOf(issueNumber);
  expect(second).toMatchObject({ title: "Turn two" });
  expect(second.body).toContain("Summary of Turn two");
  expect(second.body).toContain(`Closes #${issueNumber}`);
  await edit(second.number, { title: "feat: widgets" });
  await round(issueNumber, 3, write("c.txt", "Turn three"));
  const third = await pullOf(issueNumber);
  expect(third).toMatchObject({ title: "feat: widgets" });
  expect(third.body).toContain("Summary of Turn three");
  const theirs = (third.body ?? "").replace("Summary of", "My summary of");
  await edit(third.number, { body: theirs });
  await round(issueNumber, 4, write("d.txt", "Turn four"));
  expect(await pullOf(issueNumber)).toMatchObject({ title: "feat: widgets", body: theirs });
});
