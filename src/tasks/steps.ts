import { setTimeout as delay } from "node:timers/promises";
import { withAccount, type Db } from "../../db/client.ts";
import { crashPoint } from "../crash-point.ts";
import { beginStep, finishStep, type StepHolder } from "./step-store.ts";
import type { Claim } from "./claim-store.ts";
import { assertFence } from "./fence-store.ts";

export const holderOf = (claim: Claim): StepHolder => ({
  taskId: claim.task.id,
  accountId: claim.task.accountId,
  fence: claim.fence,
});

const pollMs = 250;

/**
 * One external effect: looked up, done, recorded. A recorded step is never done again; one that was begun and
 * not recorded is first looked for with `find`, because its effect may stand without our knowing.
 * `find` answers null when there is nothing. Throws FencedError as soon as the task has been claimed anew.
 */
export async function runStep<R>(
  deps: { db: Db },
  holder: StepHolder,
  input: { name: string; find: () => Promise<R | null>; act: () => Promise<R> },
): Promise<R> {
  const inAccount = <T>(run: Parameters<typeof withAccount<T>>[2]) =>
    withAccount(deps.db, holder.accountId, run);
  let begun = await inAccount((tx) => beginStep(tx, holder, input.name));
  while (begun === "somebody-is-at-it") {
    await delay(pollMs);
    begun = await inAccount((tx) => beginStep(tx, holder, input.name));
  }
  // What was stored is what this very step returned, as JSON keeps it.
  if (begun.done) return begun.result as R;
  let result: R | null = null;
  if (begun.mayStand) {
    result = await input.find();
    // Looking may have taken long.
    if (result === null) await inAccount((tx) => assertFence(tx, holder));
  }
  if (result === null) {
    result = await input.act();
    await crashPoint(`acted ${input.name}`, holder.taskId);
  }
  await inAccount((tx) => finishStep(tx, holder, { name: input.name, result }));
  await crashPoint(`recorded ${input.name}`, holder.taskId);
  return result;
}
