import { withAccount } from "../../db/client.ts";
import type { BillingConfig } from "../config.ts";
import { createMeterSender } from "./deliver-meter-event.ts";
import { drainOutbox } from "./drain-outbox.ts";
import { endPlan } from "./end-plan.ts";
import type { Plans, PlansDeps } from "./open-plans.ts";
import { findPayer } from "./payer-store.ts";
import { planNames } from "./plan-names.ts";
import { processStripeEvents } from "./process-events.ts";
import { reconcileCharges } from "./reconcile-charges.ts";
import { refreshPayer } from "./refresh-payer.ts";
import { createStripeClient } from "./stripe-client.ts";

/** So often an account is read again for commands that its plan refuses. */
const momentMs = 30_000;
/** Rows of the outbox that one round tries; the next one is a minute away. */
const rowsPerRound = 1_000;

export function createStripePlans(config: BillingConfig, given: PlansDeps): Plans {
  const deps = { ...given, stripe: createStripeClient(config) };
  return {
    async lookAgain(accountId) {
      const payer = await withAccount(deps.db, accountId, (tx) => findPayer(tx, accountId));
      if (payer === null || payer.stripeCustomerId === null) return;
      const readMs = payer.readAt?.getTime() ?? 0;
      if (deps.clock.now().getTime() - readMs >= momentMs) await refreshPayer(deps, { accountId });
    },
    processEvents: (onRefreshed) => processStripeEvents({ ...deps, onRefreshed }),
    async sendCharges(signal) {
      const send = createMeterSender({
        ...{ stripe: deps.stripe, eventName: planNames.eventName, now: () => deps.clock.now() },
        customerOf: async (accountId) => (await findPayer(deps.system, accountId))?.stripeCustomerId ?? null,
      });
      const report = await drainOutbox({ ...deps, send }, { limit: rowsPerRound, signal });
      if (Object.values(report).some((rows) => rows > 0)) deps.log.info(report, "charges were sent");
    },
    reconcile: () => reconcileCharges(deps),
    endPlan: (accountId) => endPlan(deps, { accountId }),
  };
}
