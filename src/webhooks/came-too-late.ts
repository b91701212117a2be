import { findArrival } from "./arrival-store.ts";
import { maxTriggerAgeMs } from "./trigger-age.ts";
import type { ThreadEvent, TriggerDeps } from "./trigger.ts";

/** Whether a trigger was too old when it came in. One that came in time and had to wait here for days is still wanted. */
export async function cameTooLate(
  deps: Pick<TriggerDeps, "system" | "clock">,
  { deliveryId, triggeredAt }: Pick<ThreadEvent, "deliveryId" | "triggeredAt">,
): Promise<boolean> {
  const tooOldAt = triggeredAt.getTime() + maxTriggerAgeMs;
  if (deps.clock.now().getTime() <= tooOldAt) return false;
  const arrivedAt = (await findArrival(deps.system, deliveryId)) ?? deps.clock.now();
  return arrivedAt.getTime() > tooOldAt;
}
