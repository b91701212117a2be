import type { EmitterWebhookEvent } from "@octokit/webhooks";
import type { Probot } from "probot";
import type { Db } from "../../db/client.ts";
import type { Deps } from "../deps.ts";
import { buryDelivery, findDelivery, finishDelivery } from "./delivery-store.ts";

/**
 * Hands a stored delivery to Probot, which runs the handlers of app.ts. Rejects with what a handler threw, so
 * that the queue tries again; Probot's own wrapping is taken off, because it carries the whole payload.
 */
export async function receiveDelivery(
  deps: { system: Db; probot: Pick<Probot, "receive"> },
  deliveryId: string,
): Promise<void> {
  const delivery = await findDelivery(deps.system, deliveryId);
  if (delivery === null || delivery.status === "done") return;
  try {
    await deps.probot.receive({
      id: delivery.id,
      name: delivery.event,
      payload: delivery.payload,
    } as EmitterWebhookEvent & { id: string });
  } catch (error) {
    throw firstCause(error);
  }
  await finishDelivery(deps.system, deliveryId);
}

/** A delivery whose retries are used up stays in the table as dead; GitHub's "Redeliver" runs it again. */
export async function giveUpDelivery(
  deps: Pick<Deps, "system" | "log">,
  input: { deliveryId: string },
  error: string,
): Promise<void> {
  await buryDelivery(deps.system, input.deliveryId, error);
  deps.log.error({ error, deliveryId: input.deliveryId }, "a delivery could not be handled and is parked");
}

function firstCause(error: unknown): unknown {
  return error instanceof AggregateError && error.errors.length > 0 ? (error.errors[0] as unknown) : error;
}
