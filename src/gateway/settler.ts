import { setTimeout as delay } from "node:timers/promises";
import { isConnectionError } from "../../db/client.ts";
import { toError } from "../errors.ts";
import type { GatewayDeps } from "./gateway-deps.ts";
import { settleCall } from "./model-call-store.ts";

type Call = Parameters<typeof settleCall>[1];

export type Settler = {
  /** Begins to write down what a call took. */
  settle(call: Call): void;
  /** Resolves when nothing is left to write, of one task or of all. */
  drain(taskId?: string): Promise<void>;
};

/** While the database is away: about half a minute in all. */
const retryDelaysMs = [100, 300, 1_000, 3_000, 5_000, 10_000, 10_000];

/** Writes settlements apart from the answers, which are long gone by then. One that fails stays reserved at its worst case. */
export function createSettler(deps: Pick<GatewayDeps, "db" | "log">): Settler {
  const open = new Map<Promise<void>, string>();
  return {
    settle: (call) => {
      const writing = write(deps, call).finally(() => open.delete(writing));
      open.set(writing, call.turn.taskId);
    },
    drain: async (taskId) => {
      await Promise.all([...open].flatMap(([writing, of]) => (of === (taskId ?? of) ? [writing] : [])));
    },
  };
}

async function write({ db, log }: Pick<GatewayDeps, "db" | "log">, call: Call): Promise<void> {
  for (const delayMs of [...retryDelaysMs, null]) {
    try {
      await settleCall(db, call);
      return;
    } catch (thrown) {
      const err = toError(thrown);
      if (delayMs === null || !isConnectionError(err)) {
        log.error({ err, taskId: call.turn.taskId, callId: call.callId }, "a model call stays reserved");
        return;
      }
    }
    await delay(delayMs);
  }
}
