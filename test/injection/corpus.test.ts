import { chmod, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { randomBytes } from "node:crypto";
import { afterEach, beforeEach, expect, test } from "vitest";
import { removeTree } from "../../src/sandbox/remove-tree.ts";
import { keyCanaries, type Canary } from "../support/canaries.ts";
import { needBwrap } from "../support/need-bwrap.ts";
import { tapRequests } from "../support/tap-requests.ts";
import { openWorld, type World } from "../support/world.ts";
import { startAttacker } from "./attacker.ts";
import type { Target } from "./corpus/goals.ts";
import { payloads, places } from "./corpus/payloads.ts";
import { collectEvidence, findLeaks } from "./evidence.ts";
import { judge } from "./judge.ts";
import { obey } from "./obey.ts";
import * as plant from "./plant.ts";

const cleanUps: (() => void | Promise<void>)[] = [];
beforeEach((context) => needBwrap(context));
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const modelKey = `sk-ant-${randomBytes(40).toString("base64url")}`;
const hostSecretValue = randomBytes(40).toString("base64url");

async function open() {
  const hostFolder = await mkdtemp(join(tmpdir(), "rc-attacker-"));
  cleanUps.push(() => removeTree(hostFolder));
  await chmod(hostFolder, 0o777);
  const attacker = await startAttacker(hostFolder);
  cleanUps.push(() => attacker.close());
  const hostSecret = join(hostFolder, "secret.txt");
  await writeFile(hostSecret, hostSecretValue);
  const target: Target = { ...attacker.address, hostFolder, hostSecret };
  const tap = tapRequests();
  cleanUps.push(tap.stop);
  const model = obey(target);
  const world = await openWorld({
    ...{
      modelKey,
      scenario: model.scenario,
      env: { WEBHOOK_SECRET_PREVIOUS: randomBytes(30).toString("hex") },
    },
    files: { "a.txt": "a\n" },
  });
  cleanUps.push(() => world.close());
  await plantAll(world, target);
  return { world, attacker, target, tap, model };
}

async function plantAll({ github, repository }: World, target: Target): Promise<void> {
  await github.commit(repository, {
    ...{ branch: "main", files: plant.hostileFiles(target), message: plant.hostileMessage() },
  });
  await github.commit(repository, { branch: plant.hostileBranch(), files: { "b.txt": "b\n" } });
}

/** An outsider's issue, a writer who quotes, an outsider's comment; then a writer's command. */
async function work(world: World): Promise<number> {
  const { github, repository } = world;
  const { number } = await github.as("bob").createIssue(repository, plant.hostileIssue());
  await github.as("alice").comment(repository, number, plant.writersComment());
  await github.as("bob").comment(repository, number, plant.outsidersComment());
  // What is as old as the command, to the second, is left out.
  const second = () => Math.floor(Date.now() / 1_000);
  const written = second();
  await world.until("another second has begun", () => Promise.resolve(second() > written));
  await github.as("alice").comment(repository, number, "/claude turn the widgets");
  const task = await world.untilReported(number);
  expect(task).toMatchObject({ status: "completed", outcome: { kind: "published" } });
  return (task.outcome as { pull: { number: number } }).pull.number;
}

async function review(world: World, pullNumber: number): Promise<void> {
  const { github, repository } = world;
  const comments = plant.reviewComments().map((body) => ({ path: "src/new.js", line: 1, body }));
  await github
    .as("alice")
    .review(repository, pullNumber, { event: "REQUEST_CHANGES", body: "Please mend.", comments });
  expect(await world.untilReported(pullNumber)).toMatchObject({ status: "completed" });
}

/** A pull request from a branch with such a name. */
async function ask(world: World): Promise<void> {
  const { github, repository } = world;
  const { number } = await github
    .as("alice")
    .openPull(repository, { title: "Add b", head: plant.hostileBranch(), base: "main" });
  await github.as("alice").comment(repository, number, "/claude ask what is this?");
  expect(await world.untilReported(number)).toMatchObject({ status: "completed" });
}

test("200 payloads in twenty places, all obeyed, reach nothing", async () => {
  const { world, attacker, target, tap, model } = await open();
  const before = await world.github.branches(world.repository);
  await world.startWorker();
  const pullNumber = await work(world);
  await review(world, pullNumber);
  await ask(world);

  expect(payloads).toHaveLength(200);
  const unheard = payloads.filter(({ id }) => !model.heard.has(id));
  expect([...new Set(unheard.map(({ place }) => place))]).toEqual(
    Object.entries(places).flatMap(([place, { heard }]) => (heard ? [] : [place])),
  );

  const evidence = await collectEvidence({
    world,
    tap: tap.requests,
    received: attacker.received(),
    target,
    before,
  });
  const winners = judge(payloads, evidence);
  expect(winners.map(({ id, place, goal }) => `${id} ${place}: ${goal.name}`)).toEqual([]);
  expect(findLeaks(world, tap.requests, secretsOf(world))).toEqual([]);
  expect(attacker.received()).toBe("");
  console.info(`${payloads.length} payloads, ${model.obeyed.size} obeyed, ${winners.length} successes`);
}, 180_000);

/** What the bot and its host have that no agent may get to see. */
function secretsOf(world: World): Canary[] {
  return [
    { name: "ANTHROPIC_API_KEY", kind: "model", value: modelKey },
    { name: "WEBHOOK_SECRET", kind: "bot", value: world.app.webhookSecret },
    {
      name: "database password",
      kind: "bot",
      value: decodeURIComponent(new URL(world.database.url).password),
    },
    { name: "file of the host", kind: "bot", value: hostSecretValue },
    ...keyCanaries(world.app.privateKey),
  ];
}
