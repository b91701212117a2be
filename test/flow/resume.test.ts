import { appendFile, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { sandbox as sandboxTable } from "../../db/schema.ts";
import { answer, type Scenario } from "../standins/model/reply.ts";
import { bash, hang, writeFiles } from "../standins/model/scenarios.ts";
import { needBwrap } from "../support/need-bwrap.ts";
import { openWorld, type World } from "../support/world.ts";

let world: World;
beforeEach(async (context) => {
  await needBwrap(context);
  world = await openWorld({
    scenario: firstTurn,
    files: { "README.md": "# widgets\n", ".gitignore": "*.log\n" },
  });
});
afterEach(() => world.close());

const runCommands =
  (commands: readonly string[]): Scenario =>
  ({ turn }) =>
    turn === 0 ? answer("I'll look.", ...commands.map((command) => bash(command, "Look"))) : answer("Done.");

/** A workflow file cannot be pushed: after the turn it is there and belongs to no commit. */
const firstTurn = writeFiles({
  "turn.txt": "turned\n",
  ".github/workflows/ci.yml": "on: push\n",
  "ignored.log": "not kept\n",
});
const secondTurn = runCommands(["cp .github/workflows/ci.yml copy.yml", "ls -A > listing.txt"]);

const rebuilt = "The sandbox had to be rebuilt from its last checkpoint; nothing was lost.";

const machines = () => world.database.database.system.select().from(sandboxTable);
const sandboxesFolder = () => join(world.config.dataDir, "sandboxes");

async function machineRoot(): Promise<string> {
  const [name] = (await readdir(sandboxesFolder())).filter((entry) => !entry.startsWith("."));
  if (name === undefined) throw new Error("expected a machine");
  return join(sandboxesFolder(), name);
}

async function takeFirstTurn(): Promise<number> {
  const { issueNumber } = await world.ask("/claude write turn.txt");
  const first = await world.untilReported(issueNumber);
  expect(first.status).toBe("completed");
  return issueNumber;
}

async function takeSecondTurn(issueNumber: number) {
  world.model.script(secondTurn);
  await world.github.as("alice").comment(world.repository, issueNumber, "/claude now copy it");
  const task = await world.untilReported(issueNumber, { count: 2 });
  expect(task.status).toBe("completed");
  const comments = world.github.comments(world.repository, issueNumber).map(({ body }) => body);
  const [pull, ...others] = await world.github.pullRequests(world.repository);
  expect(others).toEqual([]);
  return { task, lastComment: comments.at(-1) ?? "", pull };
}

/** Both turns' work in one pull request, by one conversation. */
async function expectGoneOn(second: Awaited<ReturnType<typeof takeSecondTurn>>): Promise<void> {
  expect(second.pull?.files.map(({ path }) => path).sort()).toEqual(["copy.yml", "listing.txt", "turn.txt"]);
  const commits = await world.github.commits(world.repository, second.pull?.head ?? "");
  expect(commits.filter(({ message }) => message.includes("Remote-Claude-Task:"))).toHaveLength(2);
  const lastBody = world.model.requests.at(-1)?.rawBody.toString("utf8") ?? "";
  expect(lastBody).toContain("write turn.txt");
}

test("the machine is gone: the next turn has the conversation, the branch and the uncommitted files", async () => {
  const worker = await world.startWorker();
  const issueNumber = await takeFirstTurn();
  await worker.stop();
  await rm(sandboxesFolder(), { recursive: true });
  await world.startWorker();
  const second = await takeSecondTurn(issueNumber);
  await expectGoneOn(second);
  expect(second.lastComment).toContain(rebuilt);
  const rows = await machines();
  expect(rows.map(({ status, endReason }) => [status, endReason]).sort()).toEqual([
    ["ended", "gone"],
    ["running", null],
  ]);
});

test("the machine is as it was left: it is used again, ignored files and all, and nothing is said", async () => {
  await world.startWorker();
  const issueNumber = await takeFirstTurn();
  world.model.script(runCommands(["cp ignored.log seen.txt", "cp .github/workflows/ci.yml copy.yml"]));
  await world.github.as("alice").comment(world.repository, issueNumber, "/claude now copy it");
  await world.untilReported(issueNumber, { count: 2 });
  const [pull] = await world.github.pullRequests(world.repository);
  expect(pull?.files.map(({ path }) => path).sort()).toEqual(["copy.yml", "seen.txt", "turn.txt"]);
  expect(world.github.comments(world.repository, issueNumber).at(-1)?.body).not.toContain("rebuilt");
  expect(await machines()).toHaveLength(1);
});

const changes: { name: string; change: (root: string) => Promise<void> }[] = [
  {
    name: "a file was rolled back",
    change: (root) => writeFile(join(root, "workspace/repo/turn.txt"), "something else\n"),
  },
  {
    name: "a file is gone",
    change: (root) => rm(join(root, "workspace/repo/.github"), { recursive: true }),
  },
  {
    name: "the conversation is another one",
    change: async (root) => {
      const projects = join(root, "home/.claude/projects");
      const [transcript] = (await readdir(projects, { recursive: true })).filter((name) =>
        name.endsWith(".jsonl"),
      );
      await appendFile(join(projects, transcript ?? ""), "{}\n");
    },
  },
  {
    name: "the whole checkout is gone",
    change: (root) => rm(join(root, "workspace/repo"), { recursive: true }),
  },
];

test.each(changes)(
  "$name while the machine slept: it is rebuilt from the checkpoint, and the thread says so",
  async ({ change }) => {
    await world.startWorker();
    const issueNumber = await takeFirstTurn();
    await change(await machineRoot());
    const second = await takeSecondTurn(issueNumber);
    await expectGoneOn(second);
    expect(second.lastComment).toContain(rebuilt);
  },
);

test("the machine dies with its worker between checkpoint and push: the turn is not paid twice", async () => {
  const { issueNumber } = await world.ask("/claude write turn.txt");
  world.github.faults.add({ operationId: "git/receive-pack", when: "before", delayMs: 15_000 });
  const worker = world.spawnWorker();
  await world.until("the push is on its way", () => Promise.resolve(world.github.faults.struck > 0));
  const asked = world.model.requests.length;
  worker.kill("SIGKILL");
  await rm(sandboxesFolder(), { recursive: true });
  world.github.faults.clear();
  await world.startWorker();
  const task = await world.untilReported(issueNumber, { timeoutMs: 90_000 });
  expect(task.status).toBe("completed");
  expect(world.model.requests).toHaveLength(asked);
  expect(await world.github.pullRequests(world.repository)).toHaveLength(1);
});

test("a stopped turn is kept: the next one finds its files in another machine", async () => {
  const worker = await world.startWorker();
  world.model.script(async (call) => (call.turn < 2 ? firstTurn(call) : hang()(call)));
  const { issueNumber } = await world.ask("/claude write turn.txt");
  await world.until("the agent waits for the model", () => Promise.resolve(world.model.requests.length > 2));
  await world.github.as("alice").comment(world.repository, issueNumber, "/claude stop");
  expect((await world.untilReported(issueNumber)).status).toBe("cancelled");
  await worker.stop();
  await rm(sandboxesFolder(), { recursive: true });
  await world.startWorker();
  const second = await takeSecondTurn(issueNumber);
  expect(second.pull?.files.map(({ path }) => path).sort()).toEqual(["copy.yml", "listing.txt", "turn.txt"]);
});
