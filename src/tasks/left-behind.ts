import { withAccount } from "../../db/client.ts";
import type { Deps } from "../deps.ts";
import type { Claim } from "./claim-store.ts";
import { legStep } from "./leg-step.ts";
import { findStep } from "./step-store.ts";
import { holderOf, runStep } from "./steps.ts";
import type { TaskEnd } from "./task-end.ts";

/** What a leg leaves to the next one when it ends with a question. */
export type LeftBehind = {
  /** What it had published by then; null: nothing, by this and all earlier legs. */
  published: TaskEnd | null;
  /** What it and all earlier legs have asked. */
  asked: string[];
};

const stepName = (leg: number) => legStep("left-behind", leg);

/** What the legs before this one have left behind. */
export async function readLeftBehind(deps: Pick<Deps, "db">, { task }: Claim): Promise<LeftBehind> {
  const none: LeftBehind = { published: null, asked: [] };
  if (task.leg === 1) return none;
  const step = await withAccount(deps.db, task.accountId, (tx) =>
    findStep(tx, task.id, stepName(task.leg - 1)),
  );
  // What was stored is what keepLeftBehind was given, as JSON keeps it.
  return step === null ? none : (step.result as LeftBehind);
}

export async function keepLeftBehind(deps: Pick<Deps, "db">, claim: Claim, left: LeftBehind): Promise<void> {
  await runStep(deps, holderOf(claim), {
    name: stepName(claim.task.leg),
    find: () => Promise.resolve(null),
    act: () => Promise.resolve(left),
  });
}
