import { and, eq, like } from "drizzle-orm";
import { expect, test } from "vitest";
import { session, step, task, usage } from "../../db/schema.ts";
import type { Call, Scenario } from "../standins/model/reply.ts";
import { writeFiles } from "../standins/model/scenarios.ts";
import type { E2bStandin } from "../standins/e2b/start-e2b.ts";
import type { TaskRow } from "../support/world.ts";
import { untilTrue } from "../support/until-true.ts";
import { seeThread } from "./see-thread.ts";
import { shareWorld } from "./share-world.ts";

/** The machine of a session is destroyed behind the bot's back at each point of a task's way. */

const work = writeFiles({ "turn.txt": "turned\n" });
/** What is to happen at a model call of the story whose word is in the prompt; once. */
const interruptions = new Map<string, { turn: number; strike: () => Promise<void> }>();
const scenario: Scenario = async (call: Call) => {
  const word = /gone-[a-z]+/.exec(call.prompt)?.[0] ?? "";
  const due = interruptions.get(word);
  if (due !== undefined && call.turn === due.turn) {
    interruptions.delete(word);
    await due.strike();
  }
  return work(call);
};

const open = shareWorld({ e2b: true, scenario, env: { ACCOUNT_MAX_PARALLEL_TASKS: "20" } });
const e2b = (): E2bStandin => {
  const { e2b: standin } = open();
  if (standin === null) throw new Error("expected an E2B");
  return standin;
};
const system = () => open().database.database.system;

async function sessionOf(issueNumber: number) {
  const [row] = await system().select().from(session).where(eq(session.issueNumber, issueNumber));
  return row;
}

/** The machine that E2B has for an issue's session; null before there is one. */
async function machineOf(issueNumber: number): Promise<string | null> {
  const row = await sessionOf(issueNumber);
  return (
    e2b()
      .machines()
      .find(({ metadata }) => metadata.session === row?.id)?.id ?? null
  );
}

async function loseMachineOf(issueNumber: number): Promise<void> {
  const id = await machineOf(issueNumber);
  if (id === null) throw new Error(`expected a machine for issue ${issueNumber}`);
  await e2b().loseMachine(id);
}

const untilMachine = (issueNumber: number) =>
  untilTrue(async () => (await machineOf(issueNumber)) !== null, 60_000);

async function untilStep(issueNumber: number, name: string): Promise<void> {
  await untilTrue(async () => {
    const rows = await system()
      .select()
      .from(step)
      .innerJoin(task, eq(task.id, step.taskId))
      .where(and(eq(task.issueNumber, issueNumber), like(step.name, name), eq(step.status, "done")));
    return rows.length > 0;
  }, 60_000);
}

const taskOf = async (issueNumber: number) =>
  (await open().tasks()).find((row) => row.issueNumber === issueNumber);

/** Lets one request of E2B's control plane fail once, and loses the machine before it is sent again. */
async function loseBetween(issueNumber: number, action: "connect" | "pause"): Promise<void> {
  const id = (await machineOf(issueNumber)) ?? "none";
  const path = new RegExp(`/sandboxes/${id}/${action}$`);
  e2b().fault({ method: "POST", path, when: "before", do: { status: 503 } });
  const seen = () => e2b().calls.some((call) => path.test(call.path) && call.status === 503);
  const waiting = untilTrue(seen, 60_000).then(() => e2b().loseMachine(id));
  if (action === "pause") await open().pauseIdle();
  else await open().github.as("alice").comment(open().repository, issueNumber, "/claude once more gone-x");
  await waiting;
}

const partly = "what an interrupted turn had changed and not yet handed in was lost";
const whole = "rebuilt from its last checkpoint; nothing was lost";

/** How the tasks of a story ended, and that there is one of everything. */
async function expectWhole(
  point: string,
  issueNumber: number,
  expected: { tasks: number; rebuilt: string | null },
): Promise<TaskRow> {
  const { github, repository } = open();
  const last = await open().untilReported(issueNumber, { count: expected.tasks, timeoutMs: 120_000 });
  expect(last, point).toMatchObject({ status: "completed", failures: 0 });
  const { said, branches, pulls } = await seeThread(open(), issueNumber);
  expect(said, point).toHaveLength(expected.tasks);
  expect([branches.length, pulls.length], point).toEqual([1, 1]);
  expect(
    pulls[0]?.files.map(({ path }) => path),
    point,
  ).toEqual(["turn.txt"]);
  const commits = await github.commits(repository, pulls[0]?.head ?? "");
  expect(commits.length, point).toBe(2);
  if (expected.rebuilt === null) expect(said.at(-1), point).not.toContain("rebuilt");
  else expect(said.at(-1), point).toContain(expected.rebuilt);
  return last;
}

/** Every call of the last attempt is paid, and none of an earlier one. */
async function expectPaidOnce(point: string, last: TaskRow, lostTurn: boolean): Promise<void> {
  const rows = await system().select().from(usage).where(eq(usage.taskId, last.id));
  const lost = rows.filter(({ attempt }) => attempt < last.fence);
  expect(
    lost.some(({ kind }) => kind === "model"),
    `${point}: calls of a lost attempt`,
  ).toBe(lostTurn);
  expect(
    lost.filter(({ fault, priceMicroUsd }) => fault !== "platform" || priceMicroUsd !== 0),
    point,
  ).toEqual([]);
  const kept = rows.filter(({ attempt }) => attempt === last.fence);
  expect(kept.length, point).toBeGreaterThan(0);
  expect(
    kept.filter(
      ({ fault, priceMicroUsd, costMicroUsd }) => fault !== "none" || priceMicroUsd !== costMicroUsd,
    ),
    point,
  ).toEqual([]);
}

type Point = {
  name: string;
  word: string;
  strike: (issueNumber: number) => Promise<void>;
  rebuilt: string | null;
  lostTurn: boolean;
};

// First, because the template is looked at once, in the first machine.
const afterTheCheckpoint = [
  { name: "between checkpoint and push", operationId: "git/receive-pack" },
  { name: "between push and pull request", operationId: "pulls/create" },
];

test.each(afterTheCheckpoint)("gone $name: nobody needs it any more", async ({ name, operationId }) => {
  const { github } = open();
  const struckBefore = github.faults.struck;
  github.faults.add({ operationId, when: "before", delayMs: 1_500 });
  const { issueNumber } = await open().ask("/claude write turn.txt gone-pushed");
  await untilTrue(() => github.faults.struck > struckBefore, 60_000);
  await loseMachineOf(issueNumber);
  const last = await expectWhole(name, issueNumber, { tasks: 1, rebuilt: null });
  expect(last.fence).toBe(1);
  await expectPaidOnce(name, last, false);
});

const beforeTheCheckpoint: readonly Point[] = [
  {
    name: "after it was made, before the checkout",
    word: "gone-made",
    strike: async (issueNumber) => {
      await untilMachine(issueNumber);
      await untilTrue(async () => (await sessionOf(issueNumber))?.sandboxId !== null, 60_000);
      await loseMachineOf(issueNumber);
    },
    rebuilt: null,
    lostTurn: false,
  },
  {
    name: "during the checkout",
    word: "gone-checkout",
    strike: async (issueNumber) => {
      await untilMachine(issueNumber);
      const id = await machineOf(issueNumber);
      await untilTrue(
        () => e2b().calls.some(({ path, sandboxId }) => sandboxId === id && path.startsWith("/files")),
        60_000,
      );
      await loseMachineOf(issueNumber);
    },
    rebuilt: null,
    lostTurn: false,
  },
  {
    name: "before the agent starts",
    word: "gone-prompt",
    strike: async (issueNumber) => {
      await untilTrue(async () => ((await taskOf(issueNumber))?.prompt ?? null) !== null, 60_000);
      await loseMachineOf(issueNumber);
    },
    rebuilt: partly,
    lostTurn: false,
  },
  {
    name: "while the agent runs",
    word: "gone-running",
    strike: async (issueNumber) => {
      const struck = Promise.withResolvers<undefined>();
      const strike = async () => {
        await loseMachineOf(issueNumber);
        struck.resolve(undefined);
      };
      interruptions.set("gone-running", { turn: 1, strike });
      await struck.promise;
    },
    rebuilt: partly,
    lostTurn: true,
  },
  {
    name: "right after the agent ended",
    word: "gone-ended",
    strike: async (issueNumber) => {
      await untilStep(issueNumber, "agent:%");
      await loseMachineOf(issueNumber);
    },
    rebuilt: partly,
    lostTurn: true,
  },
];

test(
  "gone before the checkpoint: another machine does it all, once, and what was lost costs nothing",
  { timeout: 240_000 },
  async () => {
    await Promise.all(
      beforeTheCheckpoint.map(async (point) => {
        const title = `A widget ${point.word}`;
        const { issueNumber } = await open().ask(`/claude write turn.txt ${point.word}`, { title });
        await point.strike(issueNumber);
        const last = await expectWhole(point.name, issueNumber, { tasks: 1, rebuilt: point.rebuilt });
        expect(last.fence, point.name).toBe(2);
        await expectPaidOnce(point.name, last, point.lostTurn);
      }),
    );
  },
);

const between: readonly { name: string; lose: (issueNumber: number) => Promise<void> }[] = [
  { name: "while nobody uses it", lose: loseMachineOf },
  { name: "during its pause", lose: (issueNumber) => loseBetween(issueNumber, "pause") },
  { name: "while it is connected to", lose: (issueNumber) => loseBetween(issueNumber, "connect") },
];

test("gone between two turns: the second one goes on from the checkpoint", { timeout: 240_000 }, async () => {
  await Promise.all(
    between.map(async ({ name, lose }) => {
      const { issueNumber } = await open().ask("/claude write turn.txt gone-first");
      await open().untilReported(issueNumber, { timeoutMs: 120_000 });
      await lose(issueNumber);
      if (!name.includes("connected"))
        await open().github.as("alice").comment(open().repository, issueNumber, "/claude once more gone-x");
      const last = await expectWhole(name, issueNumber, { tasks: 2, rebuilt: whole });
      expect(last.fence, name).toBe(1);
    }),
  );
});
