import { expect, test } from "vitest";
import { readAppManifest } from "../../src/web/app-manifest.ts";
import type { Scenario } from "../standins/model/reply.ts";
import { writeFiles } from "../standins/model/scenarios.ts";
import { seeThread } from "./see-thread.ts";
import { shareWorld } from "./share-world.ts";

/** What was allowed when the command came is not allowed any more, at each moment between the claim and the push. */

const work = writeFiles({ "turn.txt": "turned\n" });
const world = shareWorld({ scenario: work }, ({ github }) =>
  // Nor does the bot find out by itself in the middle of the list what it was not told.
  github.faults.add({
    ...{ operationId: "apps/list-webhook-deliveries", when: "before", status: 500 },
    times: Number.MAX_SAFE_INTEGER,
  }),
);

const mint = "apps/create-installation-access-token";
const roleQuestion = "repos/get-collaborator-permission-level";

/** Takes something away; the answer gives it back. */
type Loss = () => () => void | Promise<void>;

/** Nobody tells the bot: what GitHub refuses has to do. */
function unheard(loss: Loss): Loss {
  return () => {
    const { github, app, server } = world();
    github.setWebhook(app, { url: "http://127.0.0.1:9/" });
    const giveBack = loss();
    return async () => {
      await giveBack();
      await github.drained();
      github.setWebhook(app, { url: `${server.url}/api/github/webhooks` });
    };
  };
}

const role =
  (left: "none" | "read"): Loss =>
  () => {
    const { github, repository } = world();
    github.setRole(repository, "alice", left);
    return () => github.setRole(repository, "alice", "write");
  };
const permission = unheard(() => {
  const { github, installation } = world();
  const { default_permissions } = readAppManifest().manifest;
  github.acceptPermissions(installation, { ...default_permissions, contents: "read" });
  return () => github.acceptPermissions(installation, default_permissions);
});
const repository = unheard(() => {
  const { github, installation } = world();
  github.setInstalledRepositories(installation, []);
  return () => github.setInstalledRepositories(installation, "all");
});
const suspended = unheard(() => {
  const { github, installation } = world();
  github.suspend(installation);
  return () => github.unsuspend(installation);
});
const uninstalled = unheard(() => {
  const { github, installation } = world();
  github.uninstall(installation);
  return () => undefined;
});

/** A moment: `strike` is to happen then. */
type Moment = (strike: () => void) => Scenario;

/** Of the turn's first call of the model. */
const asTheAgentWorks =
  (then: (strike: () => void) => void): Moment =>
  (strike) =>
  (call) => {
    if (call.turn === 0) then(strike);
    return work(call);
  };
const at = (operationId: string): Moment =>
  asTheAgentWorks((strike) => world().github.faults.add({ operationId, when: "before", meanwhile: strike }));
const beforeTheAgent: Moment = (strike) => {
  world().github.faults.add({ operationId: "git/upload-pack", when: "before", meanwhile: strike });
  return work;
};

test.each<[what: string, when: string, loss: Loss, moment: Moment, code: string, told: boolean]>([
  ["the role", "before the agent starts", role("read"), beforeTheAgent, "permission-revoked", true],
  [
    "the account's place here",
    "as GitHub is asked",
    role("none"),
    at(roleQuestion),
    "permission-revoked",
    true,
  ],
  ["the App's permission", "as the token is asked for", permission, at(mint), "github-422", true],
  ["the repository", "as the token is asked for", repository, at(mint), "github-422", false],
  ["the App, suspended", "as the token is asked for", suspended, at(mint), "github-403", false],
  ["the App, suspended", "as it pushes", suspended, at("git/receive-pack"), "repository-forbidden", false],
  [
    "the App, uninstalled",
    "as it pushes",
    uninstalled,
    at("git/receive-pack"),
    "repository-token-refused",
    false,
  ],
])("%s is taken away %s: nothing is pushed, and it says why", async (...row) => {
  const [, , loss, moment, code, told] = row;
  const { github, model } = world();
  const before = await github.branches(world().repository);
  let giveBack: ReturnType<Loss> | undefined;
  model.script(moment(() => (giveBack = loss())));
  const { issueNumber } = await world().ask("/claude write turn.txt");
  const task = await world().untilReported(issueNumber);
  expect(giveBack).toBeDefined();
  await giveBack?.();
  expect(task).toMatchObject({ status: "failed", outcome: { kind: "error", code } });
  expect(await github.branches(world().repository)).toEqual(before);
  const { said, pulls } = await seeThread(world(), issueNumber);
  expect(pulls).toEqual([]);
  const { message } = task.outcome as { message: string };
  if (told) expect(said).toEqual([expect.stringContaining(message)]);
});
