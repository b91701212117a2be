import { expect, test } from "vitest";
import { holdBack, writeFiles } from "../standins/model/scenarios.ts";
import { shareWorld } from "./share-world.ts";

const held = holdBack(writeFiles({ "a.txt": "a\n" }));
const open = shareWorld({ scenario: held.scenario });

test("a review that is dismissed while its task waits is never begun, and an edited one starts nothing", async () => {
  const world = open();
  const { github, repository } = world;
  github.createUser("carol");
  github.setRole(repository, "carol", "write");
  await github.commit(repository, { branch: "topic", files: { "b.txt": "b\n" }, by: "alice" });
  const alice = github.as("alice");
  const { number } = await alice.openPull(repository, { title: "Topic", head: "topic", base: "main" });
  await alice.comment(repository, number, "/claude write a.txt");
  await held.arrived;
  const carol = github.as("carol");
  const input = { event: "REQUEST_CHANGES", body: "/claude write it in capitals" } as const;
  const review = await carol.review(repository, number, input);
  const find = async () =>
    (await world.tasks()).find(({ businessKey }) => businessKey === `review:${review.id}`);
  await world.until("the review's task waits", find);
  await carol.editReview(repository, number, review.id, "/claude write it in small letters");
  await alice.dismissReview(repository, number, review.id, "Carol has changed her mind.");
  const task = await world.until("it is taken out", async () => {
    const found = await find();
    return found?.status === "cancelled" ? found : null;
  });
  expect(task).toMatchObject({
    startedAt: null,
    outcome: { kind: "cancelled", by: "alice (the review was dismissed)" },
  });
  held.release();
  await world.untilReported(number, { count: 2 });
  expect(await world.tasks()).toHaveLength(2);
  expect(await find()).toMatchObject({ startedAt: null, status: "cancelled" });
});
