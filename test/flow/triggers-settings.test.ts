import { expect, test } from "vitest";
import { createGitHub } from "../../src/github/octokit.ts";
import { silent } from "../queue/start-worker.ts";
import type { TaskRow } from "../support/world.ts";
import { writeFiles } from "../standins/model/scenarios.ts";
import { seeThread } from "./see-thread.ts";
import { shareWorld } from "./share-world.ts";

/** A repository that says by its settings who and what starts work in it. */

const settings = (apps: readonly number[]) => ({
  ".github/remote-claude.yml": `triggers:\n  label: bot\n  roles: [maintain, admin]\n  apps: [${apps.join(", ")}]\n`,
});

const world = shareWorld({
  files: { "README.md": "# widgets\n", ...settings([]) },
  scenario: writeFiles({ "done.txt": "done\n" }),
});

test("its label starts a task and the server's does not; a writer without one of its roles is told so once, and why tells it", async () => {
  const { github, repository } = world();
  const alice = github.as("alice");
  const newIssue = async () => (await alice.createIssue(repository, { title: "Widgets" })).number;
  const [servers, refused] = [await newIssue(), await newIssue()];
  await alice.addLabel(repository, servers, "claude");
  await alice.comment(repository, refused, "/claude write it");
  await alice.comment(repository, refused, "/claude write it, please");
  const heard = await world().until("she is told", async () => {
    const { said } = await seeThread(world(), refused);
    return said.length > 0 ? said : null;
  });
  expect(heard[0]).toContain("let only people with the role maintain or admin start work here");

  github.setRole(repository, "alice", "maintain");
  const its = await newIssue();
  await alice.addLabel(repository, its, "bot");
  expect(await world().untilReported(its)).toMatchObject({ trigger: "label", status: "completed" });
  await alice.comment(repository, refused, "/claude why");
  const { said } = await world().until("she hears why", async () => {
    const seen = await seeThread(world(), refused);
    return seen.said.length > 1 ? seen : null;
  });
  expect(said).toHaveLength(2);
  expect(said[1]).toContain("`triggers.roles`");
  // What came before all this has been handled by now.
  expect((await world().tasks()).map(({ issueNumber }) => issueNumber)).toEqual([its]);
  expect(await seeThread(world(), servers)).toMatchObject({ said: [], reactions: [] });
});

test("a bot that it lists is heard, though the server lists none", async () => {
  const { github, repository, config } = world();
  const other = await github.createApp({
    ...{ name: "Renovate", owner: "acme", permissions: { issues: "write" }, events: [] },
  });
  github.setRole(repository, other.botLogin, "write");
  await github.commit(repository, { branch: "main", files: settings([other.botUserId]) });
  const installation = github.install({ app: other, owner: "acme", repositories: "all" });
  const { number } = await github.as("alice").createIssue(repository, { title: "Outdated" });
  const { id, privateKey, webhookSecret } = other;
  const client = await createGitHub({
    config: { ...config, app: { id, privateKey, webhookSecrets: [webhookSecret] } },
    log: silent,
  }).openRepository({
    ...{ installationId: installation.id, repositoryId: repositoryIdOf(await world().tasks()) },
    permissions: { issues: "write" },
  });
  await client.octokit.rest.issues.createComment({
    ...{ owner: client.owner, repo: client.name, issue_number: number, body: "/claude update it" },
  });
  await client.revoke();
  const task = await world().untilReported(number);
  expect(task).toMatchObject({ requesterLogin: other.botLogin, status: "completed" });
});

function repositoryIdOf([task]: readonly TaskRow[]): number {
  if (task === undefined) throw new Error("there is a task by now");
  return task.repositoryId;
}
