import { expect, test } from "vitest";
import { modelCall, savedTask, session } from "../../db/schema.ts";
import { answer } from "../standins/model/reply.ts";
import { answerOnly, bash, byWord, holdBack, writeFiles } from "../standins/model/scenarios.ts";
import { seeThread } from "./see-thread.ts";
import { shareWorld } from "./share-world.ts";

/** What each control verb answers, on threads with and without anything to be controlled. */

const held = holdBack(writeFiles({ "held.txt": "held\n" }));

const spending = holdBack((call) =>
  call.turn < 6 ? answer("On it.", bash("true", "Nothing")) : answer("There was nothing to do."),
);

const world = shareWorld({
  scenario: byWord({
    "hold-on": held.scenario,
    "spend-much": spending.scenario,
    "plan-this": answerOnly("- [ ] write planned.txt"),
    "approved your plan": writeFiles({ "planned.txt": "planned\n" }),
    "answer-me": answerOnly("Because."),
    "write-this": writeFiles({ "turn.txt": "turned\n" }),
  }),
  env: { ACCOUNT_MAX_PARALLEL_TASKS: "1" },
});

const alice = () => world().github.as("alice");
const say = async (issueNumber: number, command: string) =>
  (await alice().comment(world().repository, issueNumber, command)).id;

/** The answer to a command, as it stands in the thread. */
async function answerTo(issueNumber: number, command: string): Promise<string> {
  const id = await say(issueNumber, command);
  return world().until(`${command} is answered`, async () =>
    (await seeThread(world(), issueNumber)).said.find((body) => body.includes(`remote-claude:reply:${id} `)),
  );
}

const tasksOf = async (issueNumber: number) =>
  (await world().tasks()).filter((task) => task.issueNumber === issueNumber);

test("where nothing was asked yet, each verb says so politely and starts nothing", async () => {
  const issue = await alice().createIssue(world().repository, { title: "Quiet" });
  const answers = {
    "/claude approve": "Nothing here is waiting for an approval",
    "/claude stop": "nothing to stop",
    "/claude retry": "nothing to run again",
    "/claude status": "Nothing has been asked for here yet",
    "/claude undo": "there is none for this issue yet",
    "/claude rebase": "there is none for this issue yet",
    "/claude review": "there is none for this issue yet",
    "/claude fix-ci": "there is none for this issue yet",
    "/claude budget +2": "nothing to raise",
    "/claude autofix on": "there is none here",
    "/claude why": "Nothing on this thread was ignored",
    "/claude save it": "nothing to save",
    "/claude run it": "No task is saved as `it`",
    "/claude tasks": "No task is saved for this repository yet",
    "/claude config": "**Settings in force** for `acme/widgets`",
    "/claude help": "| `/claude budget +<usd>` |",
  };
  for (const [command, answer] of Object.entries(answers))
    expect(await answerTo(issue.number, command), command).toContain(answer);
  expect(await tasksOf(issue.number)).toEqual([]);
});

test("while a task runs and the account's only slot is taken, every control verb is answered at once", async () => {
  const running = await world().ask("/claude hold-on");
  await held.arrived;
  const waiting = await world().ask("/claude write-this");
  await world().until("the second one is queued on its thread", async () =>
    (await seeThread(world(), waiting.issueNumber)).said.find((body) => body.includes("**Waiting**")),
  );
  expect(await answerTo(waiting.issueNumber, "/claude status")).toMatch(
    /\| \*\*implement\*\* write-this \(alice\) \| ⏳ next in line, .*the account's one slot is busy \|$/m,
  );
  expect(await answerTo(running.issueNumber, "/claude status")).toMatch(/🛠️ working for .* \|$/m);
  expect(await answerTo(running.issueNumber, "/claude retry")).toContain("has not ended yet");
  expect(await answerTo(running.issueNumber, "/claude budget +2")).toContain("may now cost that much more");
  expect(await answerTo(running.issueNumber, "/claude why")).toContain("Nothing on this thread was ignored");
  expect(await answerTo(running.issueNumber, "/claude save half-way")).toContain("Saved as `half-way`");
  expect(await tasksOf(running.issueNumber)).toMatchObject([
    { status: "running", budgetMicroUsd: 7_000_000 },
  ]);
  await say(waiting.issueNumber, "/claude stop");
  expect(await world().untilReported(waiting.issueNumber)).toMatchObject({ status: "cancelled", fence: 0 });
  await say(running.issueNumber, "/claude stop");
  expect(await world().untilReported(running.issueNumber)).toMatchObject({ status: "cancelled" });
  held.release();
});

test("retry runs the last task again, with the options given now over those of then", async () => {
  const { issueNumber } = await world().ask("/claude ask --max-turns 7 --timeout 20 answer-me");
  const first = await world().untilReported(issueNumber);
  const id = await say(issueNumber, "/claude retry --timeout 30");
  const second = await world().untilReported(issueNumber, { count: 2 });
  expect(second).toMatchObject({
    ...{ verb: "ask", instruction: "answer-me", businessKey: `comment:${id}`, sessionId: first.sessionId },
    options: { maxTurns: 7, timeoutMs: 1_800_000 },
    status: "completed",
  });
});

test("a plan is approved by its comment once, and the thread says so", async () => {
  const { issueNumber } = await world().ask("/claude plan plan-this");
  await world().until("the plan waits", async () => (await tasksOf(issueNumber))[0]?.status === "waiting");
  expect(await answerTo(issueNumber, "/claude status")).toContain("waiting for a yes to its plan");
  expect(await answerTo(issueNumber, "/claude retry")).toContain("is waiting for an answer");
  expect(await answerTo(issueNumber, "/claude approve")).toContain("The plan is approved");
  expect(await world().untilReported(issueNumber)).toMatchObject({ leg: 2, status: "completed" });
  expect(await answerTo(issueNumber, "/claude approve")).toContain("Nothing here is waiting");
});

test("a saved task is run on another issue, and a second save under its name says what it replaced", async () => {
  const { issueNumber } = await world().ask("/claude ask --max-turns 9 answer-me please");
  await world().untilReported(issueNumber);
  expect(await answerTo(issueNumber, "/claude save Why")).toContain("Saved as `why`:");
  const other = await alice().createIssue(world().repository, { title: "Elsewhere" });
  await say(other.number, "/claude run why --max-turns 4\n\nand be brief");
  expect(await world().untilReported(other.number)).toMatchObject({
    ...{ verb: "ask", instruction: "answer-me please\n\nand be brief", status: "completed" },
    options: { maxTurns: 4 },
  });
  expect(await answerTo(other.number, "/claude save why")).toContain("It replaces what had that name before");
  expect(await answerTo(other.number, "/claude tasks")).toContain(
    "| `why` | **ask** answer-me please and be brief | alice |",
  );
  const rows = await world().database.database.system.select().from(savedTask);
  expect(rows.map(({ name }) => name).sort()).toEqual(["half-way", "why"]);
});

test("a task of the settings file is run by its name", async () => {
  await world().github.commit(world().repository, {
    branch: "main",
    files: {
      ".github/remote-claude.yml":
        "tasks:\n  turn:\n    instruction: write-this\n    options:\n      turns: 12\n",
    },
  });
  const issue = await alice().createIssue(world().repository, { title: "From the file" });
  expect(await answerTo(issue.number, "/claude tasks")).toContain(
    "| `turn` | **implement** write-this | the settings file |",
  );
  await say(issue.number, "/claude run turn");
  expect(await world().untilReported(issue.number)).toMatchObject({
    ...{ verb: "implement", instruction: "write-this", options: { maxTurns: 12 }, status: "completed" },
  });
  expect(await answerTo(issue.number, "/claude autofix off")).toContain("Autofix is off for #");
  expect(await answerTo(issue.number, "/claude status")).toContain("- Autofix is off for this pull request");
  const [row] = (await world().database.database.system.select().from(session)).filter(
    (each) => each.issueNumber === issue.number,
  );
  expect(row?.autofix).toBe(false);
});

test("a budget that is raised while the task runs is good for its next model call", async () => {
  const probe = await world().ask("/claude ask answer-me");
  await world().untilReported(probe.issueNumber);
  const calls = await world().database.database.system.select().from(modelCall);
  // Enough for a first call at its worst, and for no second one after it.
  const cents = Math.ceil(Math.max(...calls.map((call) => call.reservedMicroUsd)) / 10_000) + 2;
  const { issueNumber } = await world().ask(`/claude --budget ${cents / 100} spend-much`);
  await spending.arrived;
  expect(await answerTo(issueNumber, "/claude budget +3")).toContain("may now cost that much more");
  spending.release();
  expect(await world().untilReported(issueNumber)).toMatchObject({
    ...{ status: "completed", fence: 1, budgetMicroUsd: cents * 10_000 + 3_000_000 },
  });
});

test("a task that stands at its budget goes on with what is added", async () => {
  const { issueNumber } = await world().ask("/claude --budget 0.01 write-this");
  await world().until("it asks", async () =>
    (await tasksOf(issueNumber)).some(({ status }) => status === "waiting"),
  );
  expect(await answerTo(issueNumber, "/claude status")).toContain("a yes to a higher cost");
  await say(issueNumber, "/claude budget +3");
  expect(await world().untilReported(issueNumber)).toMatchObject({
    ...{ status: "completed", leg: 2, budgetMicroUsd: 3_010_000, outcome: { kind: "published" } },
    question: { kind: "cost" },
  });
});

test("a person without write access gets none of it", async () => {
  const { issueNumber } = await world().ask("/claude ask answer-me");
  await world().untilReported(issueNumber);
  const before = (await seeThread(world(), issueNumber)).said.length;
  const commands = [
    "status",
    "stop",
    "retry",
    "approve",
    "budget +5",
    "config",
    "why",
    "save x",
    "run why",
    "tasks",
    "help",
  ];
  for (const command of commands)
    await world().github.as("bob").comment(world().repository, issueNumber, `/claude ${command}`);
  await world().github.drained();
  await answerTo(issueNumber, "/claude tasks");
  const said = (await seeThread(world(), issueNumber)).said.slice(before);
  expect(said.filter((body) => body.includes("write access"))).toHaveLength(1);
  expect(said).toHaveLength(2);
  expect(await tasksOf(issueNumber)).toHaveLength(1);
});
