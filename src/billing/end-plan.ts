import { withAccount } from "../../db/client.ts";
import { refreshLocked, type RefreshDeps } from "./refresh-payer.ts";
import { readStanding } from "./standing-store.ts";

const over: ReadonlySet<string> = new Set(["canceled", "incomplete_expired"]);

/**
 * The App was taken from an account: its plan ends with the period, so that what was used is still invoiced. The customer stays, and an
 * owner who installs the App again can keep the plan on Stripe's page until then. An App that is back already changes nothing.
 */
export async function endPlan(deps: RefreshDeps, { accountId }: { accountId: string }): Promise<void> {
  await withAccount(deps.db, accountId, async (tx) => {
    const { standing } = await readStanding(tx, { accountId, billing: "on", now: deps.clock.now() });
    if (standing.installation !== "removed") return;
    const payer = await refreshLocked(deps, tx, { accountId });
    const { subscriptionId, subscriptionStatus, endsAt } = payer;
    if (
      subscriptionId === null ||
      subscriptionStatus === null ||
      endsAt !== null ||
      over.has(subscriptionStatus)
    )
      return;
    await deps.stripe.subscriptions.update(subscriptionId, {
      cancel_at_period_end: true,
      metadata: { ended_because: "the App was uninstalled" },
    });
    await refreshLocked(deps, tx, { accountId });
    deps.log.info({ accountId, subscriptionId }, "a plan ends with its period, for the App was uninstalled");
  });
}
