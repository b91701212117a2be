import type { BillingConfig } from "../config.ts";
import type { Deps } from "../deps.ts";

/** What a worker does about accounts' plans. */
export type Plans = NonNullable<Deps["plans"]> & {
  /** Calls back for each account that was read anew. */
  processEvents(onRefreshed: (accountId: string) => Promise<void>): Promise<void>;
  /** Tells Stripe of the charges that it has not heard of. */
  sendCharges(signal: AbortSignal): Promise<void>;
  /** Looks for what nobody knows of, and compares the ledger with what Stripe has counted. */
  reconcile(): Promise<unknown>;
  endPlan(accountId: string): Promise<void>;
};

export type PlansDeps = Pick<Deps, "db" | "system" | "clock" | "log">;

/** Null where nobody is billed: then nothing of Stripe's is loaded. */
export async function openPlans(config: BillingConfig | null, deps: PlansDeps): Promise<Plans | null> {
  if (config === null) return null;
  const { createStripePlans } = await import("./stripe-plans.ts");
  return createStripePlans(config, deps);
}
