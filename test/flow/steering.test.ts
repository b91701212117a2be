import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { eq, sql } from "drizzle-orm";
import { expect, test } from "vitest";
import { session, steering } from "../../db/schema.ts";
import { steerTask, type Steered } from "../../src/tasks/steer-task.ts";
import { answer, use, type Call } from "../standins/model/reply.ts";
import { bash, byWord, holdBack, writeFiles, writeResult } from "../standins/model/scenarios.ts";
import type { TaskRow } from "../support/world.ts";
import { seeThread } from "./see-thread.ts";
import { shareWorld } from "./share-world.ts";

const said = (call: Call, words: string) => JSON.stringify(call.body.messages).includes(words);
const done = (call: Call, file: string) =>
  answer(
    "Done.",
    bash(`echo done > ${file}`, "Write"),
    ...writeResult(call, `Write ${file}\n\n## Summary\nDone.`),
  );

const lastCall = holdBack(() => answer("I am through."));

const open = shareWorld({
  scenario: byWord({
    // Works in steps until it hears of it; each batch of calls is a chance.
    "go-tool": (call) => {
      if (said(call, "paint them red"))
        return call.turn < 100 && !said(call, "red.txt") ? done(call, "red.txt") : answer("Red.");
      return call.turn < 100
        ? answer("Still at it.", bash("sleep 0.3", "Wait"))
        : answer("Nobody said anything.");
    },
    "go-end": (call) => (said(call, "and blue") ? answer("Blue, too.") : lastCall.scenario(call)),
    "go-many": (call) => {
      const heard = ["first-word", "second-word", "third-word"].filter((word) => said(call, word));
      return heard.length === 3
        ? answer(`Heard ${heard.join(", ")}.`)
        : answer("At it.", bash("sleep 0.2", "Wait"));
    },
    "go-long": (call) => {
      const read = /\/workspace\/steering\/[\w-]+\.md/.exec(JSON.stringify(call.body.messages))?.[0];
      if (said(call, "the-very-end")) return answer("Read it all.");
      if (read !== undefined) return answer("It is long.", bash(`tail -c 400 ${read}`, "Read"));
      return answer("At it.", bash("sleep 0.2", "Wait"));
    },
    "go-late": (call) => (call.turn === 0 ? done(call, "late.txt") : answer("I am through.")),
    "go-sub": ({ turn }) => {
      if (turn === 0)
        return answer(
          "I delegate.",
          use("Task", { description: "Help", prompt: "helper-work", subagent_type: "general-purpose" }),
        );
      return turn === 1 ? answer("Meanwhile.", bash("sleep 3", "Wait")) : answer("Both are done.");
    },
    "helper-work": ({ turn }) =>
      turn === 0 ? answer("I help.", bash("sleep 1.5", "Help")) : answer("Helped."),
    "come-too-late": writeFiles({ "follow.txt": "followed\n" }),
  }),
});

async function runningTask(issueNumber: number): Promise<TaskRow> {
  return open().until("the task runs", async () => {
    const row = (await open().tasks()).find((each) => each.issueNumber === issueNumber);
    return row?.status === "running" ? row : null;
  });
}

let nextComment = 1_000_000;
async function steer(
  { accountId, sessionId }: TaskRow,
  text: string,
  commentId = ++nextComment,
): Promise<Steered> {
  const comment = { kind: "comment", commentId, author: "alice", text } as const;
  return steerTask({ db: open().database.database.db }, { accountId, sessionId, comment });
}

/** What lies beside the checkout for the hooks. */
async function listPut({ sessionId }: TaskRow): Promise<string[]> {
  const [owner] = await open()
    .database.database.system.select()
    .from(session)
    .where(eq(session.id, sessionId));
  const { dataDir } = open().config;
  return readdir(join(dataDir, "sandboxes", owner?.sandboxId ?? "none", "workspace", "steering")).catch(
    () => [],
  );
}

const rows = (task: TaskRow) =>
  open().database.database.system.select().from(steering).where(eq(steering.taskId, task.id));

test("a comment while the agent works is in its next model call, and the thread says so", async () => {
  const before = open().model.requests.length;
  const { issueNumber } = await open().ask("/claude go-tool");
  await open().model.until((requests) => requests.length >= before + 2);
  const task = await runningTask(issueNumber);
  expect(await steer(task, "paint them red")).toBe("handed-to-turn");
  const ended = await open().untilReported(issueNumber);
  expect(ended).toMatchObject({ status: "completed", notices: { steered: 1 } });
  const call = open().model.requests.find(({ rawBody }) => rawBody.includes("paint them red"));
  expect(call?.rawBody.toString()).toContain(
    "alice, who may write to this repository, commented on the thread",
  );
  expect(await rows(task)).toMatchObject([{ fence: 1, handedAt: expect.any(Date) as Date }]);
  const { pulls } = await seeThread(open(), issueNumber);
  expect(pulls[0]?.files.map(({ path }) => path)).toEqual(["red.txt"]);
  expect((await open().tasks()).filter((row) => row.issueNumber === issueNumber)).toHaveLength(1);
});

test("a comment while the agent says its last word keeps the turn going, and there is one result", async () => {
  const { issueNumber } = await open().ask("/claude go-end");
  await lastCall.arrived;
  const task = await runningTask(issueNumber);
  await steer(task, "and blue");
  await open().until("it lies beside the checkout", async () => (await listPut(task)).length > 0);
  lastCall.release();
  expect(await open().untilReported(issueNumber)).toMatchObject({
    status: "completed",
    notices: { steered: 1 },
  });
  const events = await open().database.database.system.execute<{ kind: string; data: { text?: string } }>(
    sql`select kind, data from event where task_id = ${task.id} order by sequence`,
  );
  expect(events.filter(({ kind }) => kind === "result").map(({ data }) => data.text)).toEqual(["Blue, too."]);
  expect(events.filter(({ kind }) => kind === "unknown")).toEqual([]);
});

test("several comments at once are all handed over, each once, in their order", async () => {
  const before = open().model.requests.length;
  const { issueNumber } = await open().ask("/claude go-many");
  await open().model.until((requests) => requests.length > before);
  const task = await runningTask(issueNumber);
  for (const word of ["first", "second", "third"])
    await steer(task, `${word}-word ${'"quoted\\ % $HOME\n'.repeat(40)}`);
  expect(await steer(task, "third-word again", nextComment)).toBe("handed-to-turn");
  expect(await open().untilReported(issueNumber)).toMatchObject({
    status: "completed",
    notices: { steered: 3 },
  });
  const text = open().model.requests.at(-1)?.rawBody.toString() ?? "";
  const at = ["first", "second", "third"].map((word) => text.indexOf(`${word}-word`));
  expect(at).toEqual([...at].sort((a, b) => a - b));
  expect(text.split("third-word").length - 1).toBe(1);
  expect(text).toContain("quoted\\\\ % $HOME");
});

test("a comment that is too long for a hook is a file that the agent is told to read", async () => {
  const before = open().model.requests.length;
  const { issueNumber } = await open().ask("/claude go-long");
  await open().model.until((requests) => requests.length > before);
  const task = await runningTask(issueNumber);
  await steer(task, `${"long words ".repeat(5_000)} the-very-end`);
  expect(await open().untilReported(issueNumber)).toMatchObject({
    status: "completed",
    notices: { steered: 1 },
  });
});

test("a comment is for the agent itself, not for a sub-agent that happens to call next", async () => {
  const before = open().model.requests.length;
  const asked = () =>
    open()
      .model.requests.slice(before)
      .map(({ rawBody }) => rawBody.toString());
  const { issueNumber } = await open().ask("/claude go-sub");
  await open().until("the helper is at work", () =>
    Promise.resolve(asked().some((body) => body.includes("I help.")) || asked().length >= 3),
  );
  const task = await runningTask(issueNumber);
  await steer(task, "for the agent itself");
  expect(await open().untilReported(issueNumber)).toMatchObject({
    status: "completed",
    notices: { steered: 1 },
  });
  const told = asked().filter((body) => body.includes("for the agent itself"));
  expect(told.length).toBeGreaterThan(0);
  const helpers = asked().filter((body) => body.includes("I help."));
  expect(helpers.length).toBeGreaterThan(0);
  for (const body of helpers) expect(body).not.toContain("for the agent itself");
});

test("comments that come too late for the turn are one further task of the same conversation", async () => {
  const { github } = open();
  github.faults.add({ operationId: "git/receive-pack", when: "before", delayMs: 3_000 });
  const struck = github.faults.struck;
  const { issueNumber } = await open().ask("/claude go-late");
  await open().until("the push is on its way", () => Promise.resolve(github.faults.struck > struck));
  const task = await runningTask(issueNumber);
  expect(await steer(task, "come-too-late, and")).toBe("queued-for-follow-up");
  expect(await steer(task, "one more thing")).toBe("queued-for-follow-up");
  const second = await open().untilReported(issueNumber, { count: 2 });
  expect(second).toMatchObject({ status: "completed", requesterLogin: "alice", sessionId: task.sessionId });
  expect(second.prompt).toContain("one more thing");
  expect(second.notices.remarks).toEqual(["This is for 2 comments that came too late for the turn before."]);
  expect((await open().tasks()).filter((row) => row.issueNumber === issueNumber)).toHaveLength(2);
  const { pulls } = await seeThread(open(), issueNumber);
  expect(pulls.map(({ files }) => files.map(({ path }) => path).sort())).toEqual([
    ["follow.txt", "late.txt"],
  ]);
  expect(await steer(second, "anything else")).toBe("no-running-task");
});

test("a stopped task is followed by nothing, whatever was said to it", async () => {
  const { github } = open();
  github.faults.add({ operationId: "git/receive-pack", when: "before", delayMs: 3_000 });
  const struck = github.faults.struck;
  const { issueNumber } = await open().ask("/claude go-late");
  await open().until("the push is on its way", () => Promise.resolve(github.faults.struck > struck));
  const task = await runningTask(issueNumber);
  await steer(task, "come-too-late");
  await github.as("alice").comment(open().repository, issueNumber, "/claude stop");
  await open().untilReported(issueNumber);
  expect((await open().tasks()).filter((row) => row.issueNumber === issueNumber)).toHaveLength(1);
});
