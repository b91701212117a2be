import { rm } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { answer, type Scenario } from "../standins/model/reply.ts";
import { bash } from "../standins/model/scenarios.ts";
import { needBwrap } from "../support/need-bwrap.ts";
import { openWorld, type World } from "../support/world.ts";

let world: World;
beforeEach(needBwrap);
afterEach(() => world.close());

const run =
  (command: string): Scenario =>
  ({ turn }) =>
    turn === 0 ? answer("I'll look.", bash(command, "Look")) : answer("Done.");

const open = (settings: string, scenario: Scenario) =>
  openWorld({
    scenario,
    files: { "README.md": "# widgets\n", ".gitignore": "*.log\n", ".github/remote-claude.yml": settings },
  });

const lastComment = (issueNumber: number) =>
  world.github.comments(world.repository, issueNumber).at(-1)?.body ?? "";

async function filesOfPull(): Promise<Record<string, string | undefined>> {
  const [pull] = await world.github.pullRequests(world.repository);
  const paths = pull?.files.map(({ path }) => path) ?? [];
  const texts = await Promise.all(
    paths.map((path) => world.github.show(world.repository, pull?.head ?? "", path)),
  );
  return Object.fromEntries(paths.map((path, index) => [path, texts[index]]));
}

test("setup runs once for a machine, and again for its successor", { timeout: 120_000 }, async () => {
  world = await open(
    "setup:\n  - echo run >> runs.log\n  - cp runs.log dependency.log\n",
    run("cp dependency.log first.txt"),
  );
  const worker = await world.startWorker();
  const { issueNumber } = await world.ask("/claude look");
  await world.untilReported(issueNumber);
  expect(await filesOfPull()).toEqual({ "first.txt": "run\n" });
  const again = async (count: number, name: string) => {
    world.model.script(run(`cp runs.log ${name}`));
    await world.github.as("alice").comment(world.repository, issueNumber, "/claude look again");
    const task = await world.untilReported(issueNumber, { count });
    expect(task.status).toBe("completed");
  };
  await again(2, "second.txt");
  expect(await filesOfPull()).toMatchObject({ "second.txt": "run\n" });
  await worker.stop();
  await rm(join(world.config.dataDir, "sandboxes"), { recursive: true });
  await world.startWorker();
  await again(3, "third.txt");
  expect(await filesOfPull()).toMatchObject({ "third.txt": "run\n" });
});

test("a setup that fails is told with the end of its output, and the agent works without it", async () => {
  world = await open(
    "setup: |\n  echo 'cannot find the frobnicator @alice'\n  exit 3\n",
    run("echo done > done.txt"),
  );
  await world.startWorker();
  const { issueNumber } = await world.ask("/claude look");
  expect((await world.untilReported(issueNumber)).status).toBe("completed");
  expect(await filesOfPull()).toEqual({ "done.txt": "done\n" });
  const said = lastComment(issueNumber);
  expect(said).toContain("The repository's setup failed, and Claude worked without it");
  expect(said).toContain("ended with exit code 3");
  expect(said).toContain("```text\ncannot find the frobnicator @alice\n```");
});

test("settings that are not valid are left aside, and the thread says where", async () => {
  world = await open("# ours\nsetpu: npm ci\n", run("echo done > done.txt"));
  await world.startWorker();
  const { issueNumber } = await world.ask("/claude look");
  expect((await world.untilReported(issueNumber)).status).toBe("completed");
  expect(lastComment(issueNumber)).toMatch(/settings files are not as they should be[^]*line 2: [^\n]*setup/);
});
