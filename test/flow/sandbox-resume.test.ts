import { eq } from "drizzle-orm";
import { expect, test } from "vitest";
import { sandbox as sandboxTable, session } from "../../db/schema.ts";
import { systemClock } from "../../src/clock.ts";
import { createLogger } from "../../src/log.ts";
import { openFleet } from "../../src/sandbox/open-fleet.ts";
import { reapSandboxes } from "../../src/sessions/reap-sandboxes.ts";
import { byWord, holdBack, writeFiles } from "../standins/model/scenarios.ts";
import type { E2bStandin } from "../standins/e2b/start-e2b.ts";
import { untilTrue } from "../support/until-true.ts";
import { seeThread } from "./see-thread.ts";
import { shareWorld } from "./share-world.ts";

const second = writeFiles({ "second.txt": "turned again\n" });
const held = holdBack(writeFiles({ "turn.txt": "turned\n" }));
const open = shareWorld({
  e2b: true,
  scenario: byWord({
    "go-second": second,
    "go-held": held.scenario,
    "go-first": writeFiles({ "turn.txt": "turned\n" }),
  }),
});
const e2b = (): E2bStandin => {
  const { e2b: standin } = open();
  if (standin === null) throw new Error("expected an E2B");
  return standin;
};
const system = () => open().database.database.system;

async function sessionOf(issueNumber: number) {
  const [row] = await system().select().from(session).where(eq(session.issueNumber, issueNumber));
  if (row === undefined) throw new Error(`expected a session of issue ${issueNumber}`);
  return row;
}

async function machinesOf(issueNumber: number) {
  const { id } = await sessionOf(issueNumber);
  return e2b()
    .machines()
    .filter(({ metadata }) => metadata.session === id);
}

async function takeFirstTurn() {
  const { issueNumber } = await open().ask("/claude go-first");
  expect(await open().untilReported(issueNumber)).toMatchObject({ status: "completed" });
  return { issueNumber, id: (await sessionOf(issueNumber)).sandboxId ?? "none" };
}

async function takeSecondTurn(issueNumber: number) {
  await open().github.as("alice").comment(open().repository, issueNumber, "/claude go-second");
  const task = await open().untilReported(issueNumber, { count: 2 });
  expect(task).toMatchObject({ status: "completed", failures: 0 });
  const { said, branches, pulls } = await seeThread(open(), issueNumber);
  expect([said.length, branches.length, pulls.length]).toEqual([2, 1, 1]);
  expect(pulls[0]?.files.map(({ path }) => path).sort()).toEqual(["second.txt", "turn.txt"]);
  expect(open().model.requests.at(-1)?.rawBody.toString("utf8"), "the conversation goes on").toContain(
    "go-first",
  );
  return said.at(-1) ?? "";
}

/** One round of the reaper, as the worker does it every few minutes. */
async function reap(): Promise<void> {
  const { config } = open();
  const log = createLogger(config, "test");
  const sandboxes = await openFleet(config, log);
  await reapSandboxes({ system: system(), clock: systemClock, log, config, sandboxes });
}

/** What is left of a session after the reaper's round: the one machine that it uses. */
async function expectOneMachine(issueNumber: number, provider: string): Promise<void> {
  await reap();
  const { sandboxProvider, sandboxId } = await sessionOf(issueNumber);
  expect(sandboxProvider).toBe(provider);
  expect((await machinesOf(issueNumber)).map(({ id }) => id)).toEqual(provider === "e2b" ? [sandboxId] : []);
}

const rebuilt = "rebuilt from its last checkpoint; nothing was lost";
const connectTo = (id: string) => new RegExp(`/sandboxes/${id}/connect$`);

test("a resume that is answered with 404: the session goes on, in one machine", async () => {
  const { issueNumber, id } = await takeFirstTurn();
  await open().pauseIdle();
  e2b().fault({ method: "POST", path: connectTo(id), times: 20, when: "before", do: { status: 404 } });
  expect(await takeSecondTurn(issueNumber)).toContain(rebuilt);
  await expectOneMachine(issueNumber, "e2b");
});

test("a resume that is answered with 500 again and again: the next provider goes on", async () => {
  const { issueNumber, id } = await takeFirstTurn();
  await open().pauseIdle();
  e2b().fault({ method: "POST", path: connectTo(id), times: 20, when: "before", do: { status: 500 } });
  expect(await takeSecondTurn(issueNumber)).toContain(rebuilt);
  await expectOneMachine(issueNumber, "local");
});

test("a resume that is answered with another id: the session goes on, in one machine", async () => {
  const { issueNumber } = await takeFirstTurn();
  await open().pauseIdle();
  e2b().answerOtherIdOnConnect();
  await takeSecondTurn(issueNumber);
  await expectOneMachine(issueNumber, "e2b");
});

test("two tasks of one session at once: the second one waits, and there is one machine", async () => {
  const { issueNumber } = await open().ask("/claude go-held");
  await held.arrived;
  await open().github.as("alice").comment(open().repository, issueNumber, "/claude go-second");
  await untilTrue(
    async () =>
      (await seeThread(open(), issueNumber)).said.some((text) =>
        text.includes("an earlier task of this conversation"),
      ),
    30_000,
  );
  expect(await machinesOf(issueNumber)).toHaveLength(1);
  held.release();
  expect(await open().untilReported(issueNumber, { count: 2 })).toMatchObject({ status: "completed" });
  const { id } = await sessionOf(issueNumber);
  expect(await system().select().from(sandboxTable).where(eq(sandboxTable.sessionId, id))).toHaveLength(1);
  expect(await machinesOf(issueNumber)).toHaveLength(1);
});

test.each([-3, 3])("a provider whose clock is %i h off", async (hours) => {
  e2b().skewClock(hours * 3_600_000);
  try {
    const { issueNumber, id } = await takeFirstTurn();
    await reap();
    await open().pauseIdle();
    await reap();
    expect(await machinesOf(issueNumber)).toMatchObject([{ id, state: "paused" }]);
    expect(await takeSecondTurn(issueNumber)).not.toContain("rebuilt");
    await expectOneMachine(issueNumber, "e2b");
  } finally {
    e2b().skewClock(0);
  }
});
