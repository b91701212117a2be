import { afterEach, beforeEach, expect, test } from "vitest";
import { steerTask } from "../../src/tasks/steer-task.ts";
import { answer, type Scenario } from "../standins/model/reply.ts";
import { bash } from "../standins/model/scenarios.ts";
import { needBwrap } from "../support/need-bwrap.ts";
import { openWorld, type TaskRow, type World, type WorldOptions } from "../support/world.ts";

let world: World;
beforeEach((context) => needBwrap(context));
afterEach(() => world.close());

const words = `paint 'them' "red"\n\`\`\`\n$(touch /tmp/pwned) % \\ ü`;
const untilTold: Scenario = (call) =>
  JSON.stringify(call.body.messages).includes("paint 'them'")
    ? answer("Red.")
    : answer("At it.", bash("sleep 0.3", "Wait"));

async function startTask(): Promise<TaskRow> {
  const { issueNumber } = await world.ask("/claude work");
  await world.model.until((requests) => requests.length >= 2);
  return world.until("the task runs", async () => {
    const row = (await world.tasks()).find((each) => each.issueNumber === issueNumber);
    return row?.status === "running" ? row : null;
  });
}

const steer = ({ accountId, sessionId }: TaskRow) =>
  steerTask(
    { db: world.database.database.db },
    { accountId, sessionId, comment: { kind: "review-comment", commentId: 1, author: "alice", text: words } },
  );

const providers: [string, WorldOptions][] = [
  ["E2B", { e2b: true }],
  ["Daytona", { daytona: { apiKey: "daytona-key" } }],
  ["this host without isolation", { env: { SANDBOX_LOCAL_ISOLATION: "none" } }],
];

test.each(providers)(
  "at %s a comment is in the turn's next model call",
  { timeout: 120_000 },
  async (_, where) => {
    world = await openWorld({ scenario: untilTold, ...where });
    await world.startWorker();
    const task = await startTask();
    expect(await steer(task)).toBe("handed-to-turn");
    expect(await world.untilReported(task.issueNumber, { timeoutMs: 90_000 })).toMatchObject({
      status: "completed",
      notices: { steered: 1 },
      fence: 1,
    });
    const told = world.model.requests.filter(({ rawBody }) => rawBody.includes("paint 'them'"));
    expect(told[0]?.rawBody.toString()).toContain(JSON.stringify(words).slice(1, -1));
  },
);

test(
  "a turn that is interrupted and begun again has what was said to it in its prompt",
  { timeout: 120_000 },
  async () => {
    let told = 0;
    world = await openWorld({
      scenario: (call) => {
        if (JSON.stringify(call.body.messages).includes("paint 'them'")) told += 1;
        return call.prompt.includes("interrupted")
          ? answer("Red.")
          : answer("At it.", bash("sleep 0.3", "Wait"));
      },
    });
    const first = await world.startWorker();
    const task = await startTask();
    await steer(task);
    await world.until("it was told", () => Promise.resolve(told >= 2));
    await first.stop();
    await world.startWorker();
    const ended = await world.untilReported(task.issueNumber, { timeoutMs: 90_000 });
    expect(ended).toMatchObject({ status: "completed", fence: 2, notices: { steered: 1 } });
    expect(ended.prompt).toContain("paint 'them'");
    expect(await world.tasks()).toHaveLength(1);
  },
);
