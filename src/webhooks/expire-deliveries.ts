import type { Deps } from "../deps.ts";
import { deleteDeliveries } from "./delivery-store.ts";

const dayMs = 24 * 3_600_000;

/** GitHub repeats a delivery for three days, and no trigger older than that is carried out. */
const handledMs = 7 * dayMs;

/** An operator who looks at dead letters once in a month finds them all. */
const deadMs = 30 * dayMs;

const perRound = 1_000;

/** Removes deliveries, with the bodies that GitHub sent, that nothing can come of any more. Answers how many. */
export async function expireDeliveries(deps: Pick<Deps, "system" | "clock" | "log">): Promise<number> {
  const now = deps.clock.now().getTime();
  const [handledBefore, deadBefore] = [new Date(now - handledMs), new Date(now - deadMs)];
  let expired = 0;
  for (let removed = perRound; removed === perRound; expired += removed)
    removed = await deleteDeliveries(deps.system, { handledBefore, deadBefore, limit: perRound });
  if (expired > 0) deps.log.info({ expired }, "old deliveries were removed");
  return expired;
}
