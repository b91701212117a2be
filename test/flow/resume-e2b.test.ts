import { afterEach, beforeEach, expect, test } from "vitest";
import { sandbox as sandboxTable, session } from "../../db/schema.ts";
import { answer, type Scenario } from "../standins/model/reply.ts";
import { bash, writeFiles } from "../standins/model/scenarios.ts";
import type { E2bStandin } from "../standins/e2b/start-e2b.ts";
import { needBwrap } from "../support/need-bwrap.ts";
import { openWorld, type World } from "../support/world.ts";

let world: World;
let e2b: E2bStandin;
beforeEach(async (context) => {
  await needBwrap(context);
  world = await openWorld({ scenario: firstTurn, e2b: true });
  if (world.e2b === null) throw new Error("expected an E2B");
  e2b = world.e2b;
  await world.startWorker();
});
afterEach(() => world.close());

/** A workflow file cannot be pushed: after the turn it is there and belongs to no commit. */
const firstTurn = writeFiles({ "turn.txt": "turned\n", ".github/workflows/ci.yml": "on: push\n" });
const secondTurn: Scenario = ({ turn }) =>
  turn === 0
    ? answer("I'll copy it.", bash("cp .github/workflows/ci.yml copy.yml", "Copy"))
    : answer("Done.");

const rebuilt = "The sandbox had to be rebuilt from its last checkpoint; nothing was lost.";

const machines = () => world.database.database.system.select().from(sandboxTable);

async function takeFirstTurn(): Promise<number> {
  const { issueNumber } = await world.ask("/claude write turn.txt");
  const first = await world.untilReported(issueNumber);
  expect(first).toMatchObject({ status: "completed" });
  expect(await machines()).toMatchObject([{ provider: "e2b", status: "running" }]);
  return issueNumber;
}

async function takeSecondTurn(issueNumber: number) {
  world.model.script(secondTurn);
  await world.github.as("alice").comment(world.repository, issueNumber, "/claude now copy it");
  const task = await world.untilReported(issueNumber, { count: 2 });
  expect(task.status).toBe("completed");
  const [pull, ...others] = await world.github.pullRequests(world.repository);
  expect(others).toEqual([]);
  expect(pull?.files.map(({ path }) => path).sort()).toEqual(["copy.yml", "turn.txt"]);
  const commits = await world.github.commits(world.repository, pull?.head ?? "");
  expect(commits.filter(({ message }) => message.includes("Remote-Claude-Task:"))).toHaveLength(2);
  expect(world.model.requests.at(-1)?.rawBody.toString("utf8")).toContain("write turn.txt");
  return world.github.comments(world.repository, issueNumber).at(-1)?.body ?? "";
}

test("come back weeks later: the machine at E2B is destroyed, E2B is away, and the next provider goes on", async () => {
  const issueNumber = await takeFirstTurn();
  const [before] = await world.database.database.system.select().from(session);
  for (const { id } of e2b.machines()) await e2b.loseMachine(id);
  e2b.fault({ method: "POST", path: /^\/v2\/sandboxes$/, times: 100, when: "before", do: { status: 503 } });
  expect(await takeSecondTurn(issueNumber)).toContain(rebuilt);
  const [after] = await world.database.database.system.select().from(session);
  expect(after).toMatchObject({
    claudeSessionId: before?.claudeSessionId,
    sandboxProvider: "local",
    branch: before?.branch,
  });
  expect((await machines()).map(({ provider, status }) => [provider, status]).sort()).toEqual([
    ["e2b", "ended"],
    ["local", "running"],
  ]);
});

test("a paused machine that is as it was left goes on, and nothing is said", async () => {
  const issueNumber = await takeFirstTurn();
  const [machine] = await machines();
  await world.pauseIdle();
  expect(e2b.machines()).toMatchObject([{ id: machine?.id, state: "paused" }]);
  expect(await takeSecondTurn(issueNumber)).not.toContain("rebuilt");
  expect(e2b.machines()).toHaveLength(1);
});

test("a pause that loses files is found out: the session is rebuilt from its checkpoint", async () => {
  const issueNumber = await takeFirstTurn();
  e2b.loseNextPause();
  await world.pauseIdle();
  expect(await takeSecondTurn(issueNumber)).toContain(rebuilt);
});
