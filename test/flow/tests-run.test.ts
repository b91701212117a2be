import { glob } from "node:fs/promises";
import { like } from "drizzle-orm";
import { beforeEach, expect, test } from "vitest";
import { step } from "../../db/schema.ts";
import { receiptSchema } from "../../src/github/receipt.ts";
import type { Scenario } from "../standins/model/reply.ts";
import { workOffReview } from "../standins/model/scenarios-review.ts";
import { seeThread } from "./see-thread.ts";
import { needBwrap } from "../support/need-bwrap.ts";
import { openWorld, type World } from "../support/world.ts";
import { shareWorld } from "./share-world.ts";

beforeEach(needBwrap);

/** It dirties a file of the repository's and makes one of nobody's; the agent's own check.sh decides how it ends. */
const testCommand =
  "echo dirty >> README.md; echo x > made.txt; mkdir -p cache; echo x >> cache/kept; bash check.sh";
const world = shareWorld({
  files: {
    "README.md": "# widgets\n",
    ".gitignore": "cache\n",
    ".github/remote-claude.yml": `test: "${testCommand}"\ntest_timeout_minutes: 0.1\n`,
  },
});

const write = (check: string, title: string): Scenario =>
  workOffReview({
    files: { "check.sh": check },
    result: () => `${title}\n\n## Summary\n${title}.\n\n## How it was tested\nBy hand.\n`,
  });

async function round(issueNumber: number | null, count: number, scenario: Scenario) {
  world().model.script(scenario);
  if (issueNumber === null) issueNumber = (await world().ask("/claude begin")).issueNumber;
  else await world().github.as("alice").comment(world().repository, issueNumber, "/claude go on");
  const task = await world().untilReported(issueNumber, { count });
  expect(task.status).toBe("completed");
  const thread = await seeThread(world(), issueNumber);
  const [pull] = thread.pulls;
  if (pull === undefined) throw new Error("expected a pull request");
  const said = world().github.comments(world().repository, issueNumber).at(-1)?.body ?? "";
  const { checks } = receiptSchema.parse(task.receipt);
  return { issueNumber, pull, said, checks, body: pull.body ?? "" };
}

test(
  "the server runs the repository's tests after a turn and says how they went; what they change goes nowhere",
  { timeout: 120_000 },
  async () => {
    const passed = await round(null, 1, write("cat cache/kept\n", "Turn one"));
    const { issueNumber } = passed;
    expect(passed.checks).toEqual([
      {
        command: testCommand,
        exitCode: 0,
        ended: "exited",
        signal: null,
        durationMs: expect.any(Number) as number,
        tail: "",
      },
    ]);
    expect(passed.body).toMatch(
      /## How it was tested\n\nThe server ran[^\n]*\n\n- ✅ `echo dirty[^\n]*`, exit code 0, [^]*By hand\./,
    );
    expect(passed.said).toContain("**Tests, run by the server**\n\n- ✅ `echo dirty");
    expect(passed.said).not.toContain("failed");

    // The ignored file is still there, twice by now, and nothing else of it.
    const failing =
      "echo 'cannot find the frobnicator @alice'\n[ $(wc -l < README.md) = 2 ] && [ $(wc -l < cache/kept) = 2 ] && exit 3\n";
    const failed = await round(issueNumber, 2, write(failing, "Turn two"));
    expect(failed.checks).toMatchObject([
      { exitCode: 3, ended: "exited", tail: "cannot find the frobnicator @alice" },
    ]);
    expect(failed.said).toMatch(
      /⚠️ \*\*The repository's tests failed\*\*: `echo dirty[^\n]*`, exit code 3\./,
    );
    expect(failed.said).not.toContain("rebuilt");
    expect(failed.body).toContain("exit code 3");
    expect(failed.body).toContain("```text\ncannot find the frobnicator @alice\n```");
    expect(failed.pull.files.map(({ path }) => path)).toEqual(["check.sh"]);

    const hung = await round(issueNumber, 3, write("sleep 300\n", "Turn three"));
    expect(hung.checks).toMatchObject([{ exitCode: null, ended: "limit" }]);
    expect(hung.said).toContain("ended by the time limit");
    expect(hung.said).not.toContain("rebuilt");
    expect(hung.body).toContain("ended by the time limit");
    expect(hung.body).not.toContain("frobnicator");
    expect(hung.pull.files.map(({ path }) => path)).toEqual(["check.sh"]);
  },
);

test(
  "a worker that is killed while the tests run has not lost the turn, and a stop ends them",
  { timeout: 120_000 },
  async ({ onTestFinished }) => {
    const own = await openWorld({
      scenario: write("[ -f ~/again ] || { touch ~/again; sleep 300; }\n", "Turn one"),
      files: {
        "README.md": "# widgets\n",
        ".github/remote-claude.yml": "test: echo x > made.txt; bash check.sh\n",
      },
    });
    onTestFinished(() => own.close());
    /** By a file that the tests make in the machine's folder. */
    const untilTesting = (name: string) =>
      own.until("the tests run", async () => {
        const found: string[] = [];
        for await (const path of glob(`sandboxes/*/**/${name}`, { cwd: own.config.dataDir }))
          found.push(path);
        return found.length > 0;
      });
    const first = own.spawnWorker();
    const { issueNumber } = await own.ask("/claude begin");
    await untilTesting("again");
    first.kill("SIGKILL");
    await own.startWorker();
    const task = await own.untilReported(issueNumber);
    expect(task.status).toBe("completed");
    expect(receiptSchema.parse(task.receipt).checks).toMatchObject([{ exitCode: 0 }]);
    expect(await stepsOf(own, "agent:%")).toMatchObject([{ attempt: 1 }]);

    own.model.script(write("touch ~/stopped; sleep 300\n", "Turn two"));
    await own.github.as("alice").comment(own.repository, issueNumber, "/claude go on");
    await untilTesting("stopped");
    await own.github.as("alice").comment(own.repository, issueNumber, "/claude stop");
    expect((await own.untilReported(issueNumber, { count: 2 })).status).toBe("cancelled");
  },
);

const stepsOf = ({ database }: World, name: string) =>
  database.database.system.select().from(step).where(like(step.name, name)).orderBy(step.taskId);
