import type { Db } from "../../db/client.ts";
import { toError } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { RateCard } from "./rate-cards.ts";
import { readClock, recordInterval, type MachineUse } from "./sandbox-use-store.ts";

const heartbeatMs = 30_000;

type MeterDeps = { db: Db; log: Logger };

/**
 * Runs `work` while the machine's time is metered, an interval every 30 s and the last one at the end, however that comes. A
 * worker that dies leaves what it had written: the time up to its last heartbeat. A database that is away costs no turn: the next
 * heartbeat has the time of the missed one.
 */
export async function meterMachine<T>(
  deps: MeterDeps,
  { use, card, everyMs = heartbeatMs }: { use: MachineUse; card: RateCard; everyMs?: number },
  work: () => Promise<T>,
): Promise<T> {
  const since = await readClock(deps.db);
  let last = Promise.resolve();
  const beat = () => {
    last = last.then(async () => {
      try {
        await recordInterval(deps.db, { use, since, card });
      } catch (error) {
        deps.log.warn(
          { err: toError(error), taskId: use.taskId },
          "a machine's time could not be metered now",
        );
      }
    });
    return last;
  };
  const timer = setInterval(() => void beat(), everyMs);
  try {
    return await work();
  } finally {
    clearInterval(timer);
    await beat();
  }
}
