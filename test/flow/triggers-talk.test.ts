import { eq } from "drizzle-orm";
import { expect, test } from "vitest";
import { feedback, ignoredTrigger } from "../../db/schema.ts";
import { createGitHub } from "../../src/github/octokit.ts";
import { createLogger } from "../../src/log.ts";
import { answer, type Call } from "../standins/model/reply.ts";
import { answerOnly, bash, byWord, changeNothing, writeFiles } from "../standins/model/scenarios.ts";
import { seeThread } from "./see-thread.ts";
import { shareWorld } from "./share-world.ts";

/** What is said while a task runs or waits, and by whom. */

const said = (call: Call, words: string) => JSON.stringify(call.body.messages).includes(words);

// The stand-in gives out account ids in order; `prepare` checks it.
const robotId = 1_000_005;
let writeAsRobot: (issueNumber: number, body: string) => Promise<void> = () =>
  Promise.reject(new Error("no robot"));

const world = shareWorld(
  {
    scenario: byWord({
      "write turn.txt": writeFiles({ "turn.txt": "turned\n" }),
      "go-on": (call) => {
        if (said(call, "paint them red")) return answer("Red it is.");
        return call.turn < 100
          ? answer("Still at it.", bash("sleep 0.3", "Wait"))
          : answer("Nobody said anything.");
      },
      "plan-it": answerOnly("- [ ] write docs.md"),
      "robot-work": changeNothing(),
    }),
    env: { ALLOWED_BOT_IDS: String(robotId) },
  },
  async ({ github, config, repository }) => {
    const made = await github.createApp({
      ...{ name: "robot", owner: "acme", events: [] },
      permissions: { metadata: "read", issues: "write" },
    });
    expect(made.botUserId).toBe(robotId);
    github.setRole(repository, made.botLogin, "write");
    const { id: installationId } = github.install({ app: made, owner: "acme", repositories: "all" });
    const app = { id: made.id, privateKey: made.privateKey, webhookSecrets: [""] as const };
    const client = createGitHub({ config: { ...config, app }, log: createLogger(config, "test") });
    const { body } = await github.as("alice").api("GET", `/repos/${repository}`);
    const { octokit, owner, name } = await client.openRepository({
      ...{ installationId, repositoryId: (body as { id: number }).id, permissions: { issues: "write" } },
    });
    writeAsRobot = async (number, text) => {
      await octokit.rest.issues.createComment({ owner, repo: name, issue_number: number, body: text });
    };
  },
);

const alice = () => world().github.as("alice");
const repository = () => world().repository;
const system = () => world().database.database.system;
const tasksOn = async (number: number) =>
  (await world().tasks()).filter(({ issueNumber }) => issueNumber === number);

const untilTask = (number: number, state: { status: string; leg?: number }) =>
  world().until(`the task on #${number} is ${JSON.stringify(state)}`, async () => {
    const [task] = await tasksOn(number);
    return task?.status === state.status && task.leg === (state.leg ?? task.leg) ? task : null;
  });

async function ourPull(): Promise<number> {
  const { issueNumber } = await world().ask("/claude write turn.txt");
  await world().untilReported(issueNumber);
  const [pull] = (await seeThread(world(), issueNumber)).pulls;
  if (pull === undefined) throw new Error("the first task made no pull request");
  return pull.number;
}

test("a comment on our pull request that names nobody steers the task that runs", async () => {
  const number = await ourPull();
  const before = world().model.requests.length;
  await alice().comment(repository(), number, "/claude go-on");
  await world().model.until((requests) => requests.length >= before + 2);
  await untilTask(number, { status: "running" });
  await world().github.as("bob").comment(repository(), number, "paint them green");
  const { id } = await alice().comment(repository(), number, "paint them red");
  const task = await world().untilReported(number);
  expect(task).toMatchObject({ status: "completed", notices: { steered: 1 } });
  expect(world().model.requests.some(({ rawBody }) => rawBody.includes("paint them green"))).toBe(false);
  expect(await tasksOn(number)).toHaveLength(1);
  expect(await system().select().from(feedback).where(eq(feedback.pullNumber, number))).toEqual([]);
  expect((await seeThread(world(), number, id)).reactions).toContain("eyes");
});

test("plain words answer the task that waits; an outsider's and a repeated delivery do not", async () => {
  const { issueNumber: number } = await world().ask("/claude plan plan-it");
  const first = await untilTask(number, { status: "waiting", leg: 1 });
  await world().github.as("bob").comment(repository(), number, "/claude yes, go ahead");
  await world().until("bob is refused", async () =>
    (await seeThread(world(), number)).said.some((body) => body.includes("needs write access")),
  );
  expect(await tasksOn(number)).toMatchObject([{ status: "waiting", leg: 1 }]);
  await alice().comment(repository(), number, "/claude rather plan-it in two steps");
  const second = await untilTask(number, { status: "waiting", leg: 2 });
  expect(second).toMatchObject({ id: first.id, question: { kind: "plan" } });
  await world().github.drained();
  const sent = world()
    .github.deliveries()
    .findLast(({ body }) => body.includes("rather plan-it in two steps"));
  await world().redeliver(sent?.id ?? 0);
  await world().github.drained();
  await alice().comment(repository(), number, "/claude stop");
  expect(await world().untilReported(number)).toMatchObject({ id: first.id, status: "cancelled", leg: 2 });
  expect(await tasksOn(number)).toHaveLength(1);
});

test("on our pull request the answer needs to name nobody", async () => {
  const number = await ourPull();
  await alice().comment(repository(), number, "/claude plan plan-it");
  await untilTask(number, { status: "waiting", leg: 1 });
  await alice().comment(repository(), number, "plan-it in two steps, please");
  await untilTask(number, { status: "waiting", leg: 2 });
  await alice().comment(repository(), number, "/claude stop");
  await world().untilReported(number);
  expect(await tasksOn(number)).toHaveLength(1);
});

test("a bot alone gets three tasks, then one refusal; a person lets it go on", async () => {
  const { number } = await alice().createIssue(repository(), { title: "For the robot" });
  for (let nth = 1; nth <= 3; nth++) {
    await writeAsRobot(number, `/claude robot-work ${nth}`);
    await world().untilReported(number, { count: nth });
  }
  await writeAsRobot(number, "/claude robot-work 4");
  await writeAsRobot(number, "/claude robot-work 5");
  const ignored = await world().until("both are ignored", async () => {
    const rows = await system().select().from(ignoredTrigger).where(eq(ignoredTrigger.issueNumber, number));
    return rows.length === 2 ? rows : null;
  });
  expect(ignored.map(({ reason }) => reason)).toEqual(["bots-alone", "bots-alone"]);
  const refusals = (await seeThread(world(), number)).said.filter((body) =>
    body.includes("without a person"),
  );
  expect(refusals).toHaveLength(1);
  await alice().comment(repository(), number, "/claude robot-work by hand");
  await world().untilReported(number, { count: 4 });
  await writeAsRobot(number, "/claude robot-work 6");
  await world().untilReported(number, { count: 5 });
});

test("in a locked pull request the work is done in silence", async () => {
  const number = await ourPull();
  await alice().lockIssue(repository(), number);
  await alice().comment(repository(), number, "/claude robot-work");
  const task = await world().untilReported(number);
  expect(task).toMatchObject({ status: "completed", failures: 0 });
  expect((await seeThread(world(), number)).said).toEqual([]);
});
