import { setTimeout as delay } from "node:timers/promises";
import { withAccount } from "../../db/client.ts";
import type { Deps } from "../deps.ts";
import type { JobContext } from "../queue/jobs.ts";
import { PutBack } from "../queue/put-back.ts";
import { claimTask, type ClaimResult } from "./claim-store.ts";
import { planTermsOf } from "./judge-plan.ts";
import type { Place } from "./place-store.ts";
import { sayWaiting } from "./say-status.ts";

type TaskRef = { taskId: string; accountId: string };

/** While the account's slots are busy the job stays active, so that the order of its session holds. */
const fullPollMs = 1_000;

/**
 * Claims a task; while that cannot be, the thread hears what it waits for. Throws PutBack when a limit of the repository holds
 * it back, or a budget does.
 */
export async function claimOrWait(deps: Deps, ref: TaskRef, context: JobContext): Promise<ClaimResult> {
  let saidWaiting = false;
  while (true) {
    const caps = {
      ...{ defaultMonthMicroUsd: deps.config.limits.accountMonthMicroUsd, plan: planTermsOf(deps) },
    };
    const claim = await withAccount(deps.db, ref.accountId, (tx) => claimTask(tx, ref, caps));
    if (!claim.ok && claim.reason === "cap-reached") {
      if (claim.news) await sayWaiting(deps, ref, claim.place);
      throw new PutBack("no budget has room for the task, or no plan", laterMs);
    }
    if (!claim.ok && claim.reason === "limit-full") return putBack(deps, ref, { context, claim });
    if (claim.ok || claim.reason !== "account-full") return claim;
    if (!saidWaiting) await sayWaiting(deps, ref, claim.place);
    saidWaiting = true;
    await delay(fullPollMs, undefined, { signal: context.signal });
  }
}

const nextMs = 1_000;
const laterMs = 3_000;

/** The account has room for others meanwhile, so the job gives its slot away; whoever is next asks most often. */
async function putBack(
  deps: Deps,
  { accountId }: TaskRef,
  { context, claim }: { context: JobContext; claim: { place: Place } },
): Promise<never> {
  if (context.attempt === 1) await deps.queue.enqueue(deps.system, "show-places", { accountId });
  const { ahead, running } = claim.place;
  throw new PutBack("a limit of the repository holds the task back", ahead <= running ? nextMs : laterMs);
}
