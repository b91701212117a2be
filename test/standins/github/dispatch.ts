import type { Delivery } from "./state.ts";
import { planDeliveries, planRedelivery, send } from "./webhooks.ts";
import type { WebhookEvent, World } from "./world.ts";

/** What goes on beside the answers: webhooks on their way, judgements still to be made. */
export type Dispatch = {
  emit: (event: WebhookEvent) => void;
  redeliver: (delivery: Delivery) => void;
  later: (work: () => void | Promise<void>) => void;
  drained: () => Promise<void>;
  close: () => Promise<void>;
};

/** Sends webhooks at once and side by side, as GitHub does: no order, no retry. */
export function openDispatch(world: World): Dispatch {
  const running = new Set<Promise<void>>();
  const stop = new AbortController();
  const run = (work: () => void | Promise<void>): void => {
    const job = new Promise<void>((resolve) => setImmediate(resolve)).then(work);
    const tracked: Promise<void> = job
      .catch((error: unknown) => {
        world.violations.push(
          `stand-in bug: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
        );
      })
      .finally(() => running.delete(tracked));
    running.add(tracked);
  };
  const dispatchOne = (delivery: Delivery): void => run(() => send(delivery, stop.signal));
  const drained = async (): Promise<void> => {
    while (running.size > 0) await Promise.all(running);
  };
  return {
    emit: (event) => {
      for (const delivery of planDeliveries(world, event)) dispatchOne(delivery);
    },
    redeliver: (delivery) => dispatchOne(planRedelivery(world, delivery)),
    later: run,
    drained,
    close: async () => {
      stop.abort();
      await drained();
    },
  };
}
