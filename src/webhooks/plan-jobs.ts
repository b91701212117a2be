import type { Plans } from "../billing/open-plans.ts";
import type { Deps } from "../deps.ts";
import type { JobHandlers } from "../queue/jobs.ts";
import { heedPlan, stopByPlan } from "./heed-plan.ts";

const nothing = () => Promise.resolve();

/** The jobs about accounts' plans; with billing off there are none to do. */
export function createPlanJobs(
  deps: Deps,
  plans: Plans | null,
): Pick<JobHandlers, "stripe-events" | "send-charges" | "reconcile-charges" | "stop-by-plan" | "end-plan"> {
  if (plans === null)
    return {
      ...{ "stripe-events": nothing, "send-charges": nothing, "reconcile-charges": nothing },
      ...{ "stop-by-plan": nothing, "end-plan": nothing },
    };
  return {
    "stripe-events": () => plans.processEvents((accountId) => heedPlan(deps, accountId)),
    "send-charges": (_, { signal }) => plans.sendCharges(signal),
    "reconcile-charges": () => plans.reconcile(),
    "stop-by-plan": (payload) => stopByPlan(deps, payload),
    "end-plan": ({ accountId }) => plans.endPlan(accountId),
  };
}
