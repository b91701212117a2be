import { afterEach, beforeEach, expect, test } from "vitest";
import { writeFiles } from "../standins/model/scenarios.ts";
import { needBwrap } from "../support/need-bwrap.ts";
import { openWorld, type World } from "../support/world.ts";

let world: World;
beforeEach(needBwrap);
afterEach(() => world.close());

async function begin(settings: string): Promise<number> {
  world = await openWorld({
    scenario: writeFiles({ "a.txt": "a\n" }),
    files: {
      "README.md": "# widgets\n",
      ".github/remote-claude.yml": settings,
      "docs/house-template.md": "### House rules\n\nSigned off.\n",
    },
  });
  world.github.createUser("carol");
  world.github.setRole(world.repository, "carol", "write");
  await world.startWorker();
  return (await world.ask("/claude write a.txt")).issueNumber;
}

const reviewersOf = async () => {
  const alice = world.github.as("alice");
  const answer = await alice.api("GET", `/repos/${world.repository}/pulls/2`);
  return (answer.body as { requested_reviewers: { login: string }[] }).requested_reviewers.map(
    ({ login }) => login,
  );
};

test("the settings name reviewers, template, branch and readiness, and a second round asks nobody again", async () => {
  const issueNumber = await begin(
    "branch: claude/{issue}/{slug}\npr: { draft: false, reviewers: [carol], template: docs/house-template.md }\n",
  );
  await world.untilReported(issueNumber);
  const [pull] = await world.github.pullRequests(world.repository);
  expect(pull).toMatchObject({ draft: false, head: `claude/${issueNumber}/widgets-are-broken` });
  expect(pull?.body).toContain("House rules");
  expect(await reviewersOf()).toEqual(["carol"]);
  const asked = () =>
    world.github.effects.filter(({ operationId }) => operationId === "pulls/request-reviewers");
  expect(asked()).toHaveLength(1);
});

test("a reviewer who cannot review here costs nobody the pull request", async () => {
  const issueNumber = await begin("pr: { reviewers: [mallory] }\n");
  expect(await world.untilReported(issueNumber)).toMatchObject({ status: "completed" });
  expect(await world.github.pullRequests(world.repository)).toHaveLength(1);
});
