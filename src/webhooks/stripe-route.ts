import type { IncomingMessage, ServerResponse } from "node:http";
import { systemClock } from "../clock.ts";
import type { BillingConfig } from "../config.ts";
import { answerProblem } from "./answer.ts";
import { createStripeInbox, stripeWebhookPath, type StripeInboxDeps } from "./stripe-inbox.ts";

/** Answers what Stripe sends; where nobody is billed nothing of it is taken. */
export function createStripeRoute(
  config: BillingConfig | null,
  deps: Pick<StripeInboxDeps, "system" | "queue" | "log">,
) {
  const inbox =
    config === null
      ? null
      : createStripeInbox({
          ...{ ...deps, secrets: config.webhookSecrets, livemode: config.livemode, clock: systemClock },
        });
  return async (request: IncomingMessage, response: ServerResponse): Promise<boolean> => {
    if (request.url?.split("?", 1)[0] !== stripeWebhookPath) return false;
    if (inbox === null) answerProblem(response, 404, "Billing is disabled.");
    else await inbox(request, response);
    return true;
  };
}
