import { existsSync } from "node:fs";
import { eq } from "drizzle-orm";
import { expect, test } from "vitest";
import { checkpoint, session } from "../../db/schema.ts";
import { answer } from "../standins/model/reply.ts";
import { bash, byWord, hang, writeFiles } from "../standins/model/scenarios.ts";
import type { E2bStandin } from "../standins/e2b/start-e2b.ts";
import { untilTrue } from "../support/until-true.ts";
import { seeThread } from "./see-thread.ts";
import { shareWorld } from "./share-world.ts";

const open = shareWorld({
  e2b: true,
  scenario: byWord({
    "go-on": writeFiles({ "second.txt": "turned again\n" }),
    "go-command": ({ turn }) =>
      turn === 0
        ? answer("I'll wait.", bash("echo turned > turn.txt; sleep 600", "Wait"))
        : answer("It was interrupted."),
    "go-model": async (call) =>
      call.turn === 0
        ? answer("I'll write it.", bash("echo turned > turn.txt", "Write"))
        : await hang()(call),
    "go-away": writeFiles({ "turn.txt": "turned\n" }),
  }),
});
const e2b = (): E2bStandin => {
  const { e2b: standin } = open();
  if (standin === null) throw new Error("expected an E2B");
  return standin;
};

async function stop(issueNumber: number): Promise<void> {
  const since = performance.now();
  await open().github.as("alice").comment(open().repository, issueNumber, "/claude stop");
  await untilTrue(async () => {
    const task = (await open().tasks()).find((row) => row.issueNumber === issueNumber);
    return task?.status === "cancelled";
  }, 30_000);
  expect(performance.now() - since).toBeLessThan(5_000);
  await open().untilReported(issueNumber);
  const { said, pulls } = await seeThread(open(), issueNumber);
  expect([said.length, pulls.length]).toEqual([1, 0]);
  expect(said[0]).toContain("Stopped");
}

const running = [
  { word: "go-command", what: "while the agent runs a command", calls: 1 },
  { word: "go-model", what: "while the agent waits for the model", calls: 2 },
];

test.each(running)("stop $what: cancelled within 5 s, and what it did is kept", async ({ word, calls }) => {
  const before = open().model.requests.length;
  const { issueNumber } = await open().ask(`/claude ${word}`);
  await open().model.until((requests) => requests.length >= before + calls);
  const [row] = await open()
    .database.database.system.select()
    .from(session)
    .where(eq(session.issueNumber, issueNumber));
  const file = e2b().hostPath(row?.sandboxId ?? "", "/workspace/repo/turn.txt");
  await untilTrue(() => existsSync(file), 30_000);
  await stop(issueNumber);
  const kept = await open()
    .database.database.system.select()
    .from(checkpoint)
    .where(eq(checkpoint.sessionId, row?.id ?? ""));
  expect(kept).toHaveLength(1);
  await e2b().loseMachine(row?.sandboxId ?? "");
  await open().github.as("alice").comment(open().repository, issueNumber, "/claude go-on");
  expect(await open().untilReported(issueNumber, { count: 2 })).toMatchObject({ status: "completed" });
  const { pulls } = await seeThread(open(), issueNumber);
  expect(pulls[0]?.files.map(({ path }) => path).sort()).toEqual(["second.txt", "turn.txt"]);
});

test("stop while E2B is long in making the machine: cancelled within 5 s", async () => {
  e2b().fault({ method: "POST", path: /^\/v2\/sandboxes$/, when: "before", do: "hang" });
  const asked = () => e2b().calls.filter(({ method, path }) => method === "POST" && path === "/v2/sandboxes");
  const before = asked().length;
  const { issueNumber } = await open().ask("/claude go-away");
  await untilTrue(() => asked().length > before, 30_000);
  await stop(issueNumber);
});

test("stop while the checkout stands still on its way into the machine: cancelled within 5 s", async () => {
  e2b().fault({ method: "POST", path: /^\/files/, when: "before", do: "hang" });
  const sent = () => e2b().calls.filter(({ method, path }) => method === "POST" && path.startsWith("/files"));
  const before = sent().length;
  const { issueNumber } = await open().ask("/claude go-away");
  await untilTrue(() => sent().length > before, 30_000);
  await stop(issueNumber);
});
