import { expect, test } from "vitest";
import { findTurnByToken, mintTurnToken, revokeTurnToken } from "../../src/gateway/turn-token.ts";
import { changeTask, listCalls, modelKey, sendCall } from "./fixture.ts";
import { useGateway } from "./use-gateway.ts";

const rig = useGateway();

test.each<[string, (turn: Awaited<ReturnType<typeof rig.newTurn>>) => Promise<string>, number]>([
  ["none", () => Promise.resolve(""), 401],
  ["a made-up one", () => Promise.resolve(`rct_${"A".repeat(43)}`), 401],
  ["the real credential", () => Promise.resolve(modelKey), 401],
  ["an expired one", (turn) => mintTurnToken(rig.database.db, { ...turn, expiresAt: new Date(0) }), 403],
  [
    "a revoked one",
    async ({ accountId, token }) => {
      await revokeTurnToken(rig.database.db, { accountId, token });
      return token;
    },
    403,
  ],
  [
    "one of an earlier claim",
    async ({ taskId, token }) => {
      await changeTask(rig.database, taskId, { fence: 2 });
      return token;
    },
    403,
  ],
  [
    "one of a finished task",
    async ({ taskId, token }) => {
      await changeTask(rig.database, taskId, { status: "completed", finishedAt: new Date() });
      return token;
    },
    403,
  ],
  [
    "one of a cancelled task",
    async ({ taskId, token }) => {
      await changeTask(rig.database, taskId, { cancelRequestedAt: new Date() });
      return token;
    },
    403,
  ],
])("a turn token that is %s is refused", async (_name, tokenOf, expected) => {
  const turn = await rig.newTurn();
  const token = await tokenOf(turn);
  const { status, headers } = await sendCall(rig.gateway, { token });
  expect({ status, retry: headers["x-should-retry"] }).toEqual({ status: expected, retry: "false" });
  expect(rig.model.requests).toHaveLength(0);
  expect(await listCalls(rig.database, turn.taskId)).toEqual([]);
  // What costs nothing reserves nothing, so this look has to do for it.
  const reason = expected === 401 ? "unknown" : "ended";
  expect(await findTurnByToken(rig.database.system, token)).toEqual({ ok: false, reason });
});

test("a token pays from its own task", async () => {
  const [mine, other] = [await rig.newTurn(), await rig.newTurn()];
  await sendCall(rig.gateway, { token: mine.token });
  expect(await listCalls(rig.database, mine.taskId)).toHaveLength(1);
  expect(await listCalls(rig.database, other.taskId)).toHaveLength(0);
});
