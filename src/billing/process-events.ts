import type Stripe from "stripe";
import type { Deps } from "../deps.ts";
import { TransientError, toError } from "../errors.ts";
import { markUncounted, type MeterError } from "./meter-error-store.ts";
import { findAccountOfCustomer, listUnread } from "./payer-store.ts";
import { readHint } from "./read-hint.ts";
import { refreshPayer, type RefreshDeps } from "./refresh-payer.ts";
import {
  failEvents,
  finishEvents,
  forgetEvents,
  takeDueEvents,
  type StripeEventRow,
} from "./stripe-event-store.ts";

export type ProcessDeps = RefreshDeps &
  Pick<Deps, "system"> & {
    /** Called after an account was read anew. */
    onRefreshed: (accountId: string) => Promise<void>;
  };

const batch = 100;
/** Well below the day after which what was read counts less: nothing is heard of a plan that does not change. */
const unreadMs = 6 * 3_600_000;
const accountsARound = 50;
const keptMs = 60 * 86_400_000;

/**
 * Works off the events of Stripe that are due: finds out which accounts they are about and reads each of those anew, once. Then
 * reads accounts of which nothing was heard for hours. An event that fails comes again later.
 */
export async function processStripeEvents(deps: ProcessDeps): Promise<void> {
  for (let events = await take(deps); events.length > 0; events = await take(deps)) {
    const found = new Map<string, Found>();
    for (const event of events) await attempt(deps, [event.id], () => sort(deps, found, event));
    for (const [accountId, { ids, disputeIds }] of found) {
      await attempt(deps, ids, async () => {
        await refreshPayer(deps, { accountId, disputeIds });
        await deps.onRefreshed(accountId);
        await finishEvents(deps.system, { ids, why: null });
      });
    }
  }
  const nowMs = deps.clock.now().getTime();
  const unread = { before: new Date(nowMs - unreadMs), limit: accountsARound };
  for (const accountId of await listUnread(deps.system, unread)) {
    await attempt(deps, [], async () => {
      await refreshPayer(deps, { accountId });
      await deps.onRefreshed(accountId);
    });
  }
  await forgetEvents(deps.system, { before: new Date(nowMs - keptMs) });
}

const take = ({ system }: ProcessDeps) => takeDueEvents(system, { limit: batch });

/** What a batch says about one account. */
type Found = { ids: string[]; disputeIds: string[] };

async function attempt(deps: ProcessDeps, ids: readonly string[], work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (thrown) {
    const error = toError(thrown);
    deps.log.error({ err: error, ids }, "an event of Stripe's could not be processed; it comes again");
    await failEvents(deps.system, { ids, problem: error.message });
  }
}

async function sort(deps: ProcessDeps, found: Map<string, Found>, event: StripeEventRow): Promise<void> {
  const hint = readHint(event);
  const finish = (why: string | null) => finishEvents(deps.system, { ids: [event.id], why });
  if (hint.kind === "nothing") return finish(hint.why);
  if (hint.kind === "meter-errors") {
    await noteMeterErrors(deps, hint.eventId);
    return finish(null);
  }
  const customerId =
    hint.kind === "customer" ? hint.customerId : await findDisputed(deps.stripe, hint.disputeId);
  const accountId = customerId === null ? null : await findAccountOfCustomer(deps.system, customerId);
  if (accountId === null) return finish("no account here has this customer");
  const of = found.get(accountId) ?? { ids: [], disputeIds: [] };
  of.ids.push(event.id);
  if (hint.kind === "dispute") of.disputeIds.push(hint.disputeId);
  found.set(accountId, of);
}

/** Whose payment a dispute is about; null: nobody's that Stripe knows by name. */
async function findDisputed(stripe: Stripe, disputeId: string): Promise<string | null> {
  const { charge } = await stripe.disputes.retrieve(disputeId, { expand: ["charge"] });
  if (typeof charge === "string") throw new Error(`Stripe did not expand the charge of dispute ${disputeId}`);
  const { customer } = charge;
  return typeof customer === "string" ? customer : (customer?.id ?? null);
}

/** The event is thin: what could not be counted has to be fetched, and some of it is told by way of example only. */
async function noteMeterErrors(deps: ProcessDeps, eventId: string): Promise<void> {
  const event = await deps.stripe.v2.core.events.retrieve(eventId);
  if (
    event.type !== "v1.billing.meter.error_report_triggered" &&
    event.type !== "v1.billing.meter.no_meter_found"
  )
    throw new Error(`Stripe shows event ${eventId} as ${event.type}, which tells of no meter`);
  const { error_count: count, error_types: types } = event.data.reason;
  const errors = types.flatMap(({ code, sample_errors: samples }) =>
    samples.map(({ request }): MeterError => ({ identifier: request.identifier, problem: code })),
  );
  deps.log.error(
    { eventId, count, errors },
    "Stripe took charges that it could not count; look at the meter",
  );
  const underWay = await markUncounted(deps.system, errors);
  if (underWay.length > 0)
    throw new TransientError(`the sending of ${underWay.join(", ")} has not ended yet; marked later`);
}
