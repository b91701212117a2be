import Stripe from "stripe";
import type { Send, SendResult } from "./drain-outbox.ts";
import type { OutboxRow } from "./outbox-store.ts";

type DeliverDeps = {
  stripe: Stripe;
  /** The meter's event name. */
  eventName: string;
  /** The Stripe customer (`cus_…`) who pays for an account; null: there is none yet. */
  customerOf: (accountId: string) => Promise<string | null>;
  now: () => Date;
};

/** Tells Stripe what a row of the outbox says. The identifier stays, the idempotency key is new for each attempt: a kept 500 would wedge it. */
export function createMeterSender({ stripe, eventName, customerOf, now }: DeliverDeps): Send {
  return async (row, attempt) => {
    const options = { idempotencyKey: `${row.identifier}#${attempt}` };
    switch (row.kind) {
      case "credit-note":
        return { kind: "refused", problem: "a credit note is given by a person, on Stripe's pages" };
      case "meter-cancel":
        return judgeCall(row, () =>
          stripe.billing.meterEventAdjustments.create(
            { event_name: eventName, type: "cancel", cancel: { identifier: cancelled(row) } },
            options,
          ),
        );
      case "meter-event": {
        const customer = await customerOf(row.accountId);
        if (customer === null) return { kind: "later", problem: "the account has no customer at Stripe" };
        const sentAtMs = Math.min(row.eventAt.getTime(), now().getTime());
        return judgeCall(row, () =>
          stripe.billing.meterEvents.create(
            {
              event_name: eventName,
              identifier: row.identifier,
              timestamp: Math.floor(sentAtMs / 1000),
              payload: { stripe_customer_id: customer, value: String(row.valueCents) },
            },
            options,
          ),
        );
      }
    }
  };
}

const cancelled = ({ identifier }: OutboxRow) => identifier.replace(/:cancel$/, "");

async function judgeCall(row: OutboxRow, call: () => Promise<unknown>): Promise<SendResult> {
  try {
    await call();
    return { kind: "ack" };
  } catch (error) {
    if (!(error instanceof Stripe.errors.StripeError)) throw error;
    return judgeRefusal(row, error);
  }
}

function judgeRefusal(
  { identifier }: OutboxRow,
  error: InstanceType<typeof Stripe.errors.StripeError>,
): SendResult {
  const { statusCode: status, message: problem } = error;
  if (status === 401 || status === 403) return { kind: "unauthorized", problem };
  // Stripe's own words, seen in production and in no documentation: it has no code of its own.
  if (status === 400 && problem.includes(`already exists with identifier ${identifier}`))
    return { kind: "duplicate" };
  const isRefusal = status !== undefined && status >= 400 && status < 500 && status !== 409 && status !== 429;
  if (isRefusal) return { kind: "refused", problem };
  const seconds = Number(error.headers?.["retry-after"]);
  return {
    ...{ kind: "later", problem },
    ...(Number.isFinite(seconds) && seconds > 0 ? { retryAfterMs: seconds * 1000 } : {}),
  };
}
