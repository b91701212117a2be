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
  world.github.giveTeam(world.repository, "core");
  await world.startWorker();
  return (await world.ask("/claude write a.txt")).issueNumber;
}

const reviewersOf = async () => {
  const alice = world.github.as("alice");
  const answer = await alice.api("GET", `/repos/${world.repository}/pulls/2`);
  const { requested_reviewers: people, requested_teams: teams } = answer.body as {
    requested_reviewers: { login: string }[];
    requested_teams: { slug: string }[];
  };
  return [...people.map(({ login }) => login), ...teams.map(({ slug }) => slug)];
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

test("a reviewer whom GitHub refuses is named, the others are asked, and the pull request is there", async () => {
  const issueNumber = await begin("pr: { reviewers: [mallory, carol, acme/core, acme/ghosts] }\n");
  expect(await world.untilReported(issueNumber)).toMatchObject({ status: "completed" });
  expect(await reviewersOf()).toEqual(["carol", "core"]);
  const [status] = world.github.comments(world.repository, issueNumber).slice(-1);
  expect(status?.body).toContain("GitHub takes no review request for `mallory`, `acme/ghosts`:");
});
