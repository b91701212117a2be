import type { JsonObject } from "./json.ts";

export type Refusal = {
  status: number;
  type: "invalid_request_error" | "idempotency_error" | "api_error" | "card_error" | "rate_limit_error";
  code?: string;
  message: string;
  param?: string;
  /** Said in `stripe-should-retry`; nothing is said without it. */
  shouldRetry?: boolean;
  /** Neither kept under the idempotency key nor replayed. */
  forgotten?: boolean;
  /** What our own code must never do; a test that ends with one has failed. */
  violation?: string;
};

/** An answer of Stripe's that is not 2xx, on its way out of a handler. */
export class StripeRefusal extends Error {
  readonly refusal: Refusal;
  constructor(refusal: Refusal) {
    super(refusal.message);
    this.refusal = refusal;
  }
}

/** 400 `invalid_request_error`, the commonest refusal. */
export function invalid(message: string, details: { code?: string; param?: string } = {}): StripeRefusal {
  return new StripeRefusal({ status: 400, type: "invalid_request_error", message, ...details });
}

/** An object named in a parameter does not exist: 400; named in the path: 404. */
export function missing(kind: string, id: string, param: string, status: 400 | 404 = 400): StripeRefusal {
  const message = `No such ${kind}: '${id}'`;
  return new StripeRefusal({
    status,
    type: "invalid_request_error",
    code: "resource_missing",
    message,
    param,
  });
}

/** The body of a refusal as the v1 and v2 APIs write it. */
export function errorBody(refusal: Refusal, requestId: string): JsonObject {
  const { code, message, param, type } = refusal;
  return {
    error: {
      ...(code === undefined ? {} : { code, doc_url: `https://stripe.com/docs/error-codes/${code}` }),
      message,
      ...(param === undefined ? {} : { param }),
      request_log_url: `https://dashboard.stripe.com/test/logs/${requestId}`,
      type,
    },
  };
}
