import { StripeRefusal } from "./stripe-error.ts";

const keptForMs = 24 * 60 * 60 * 1000;

export type KeptAnswer = { status: number; body: string; requestId: string };
type Entry = { fingerprint: string; startedMs: number; answer: KeptAnswer | null };

/** What Stripe remembers of requests that came with an Idempotency-Key. */
export type IdempotencyKeys = {
  /** Answers what was kept, or null for whoever may go on; throws Stripe's refusals of a key in use or used otherwise. */
  begin(key: string, fingerprint: string): KeptAnswer | null;
  /** Keeps the answer, or forgets the key when there is none to keep. */
  end(key: string, answer: KeptAnswer | null): void;
};

/** Keys live for 24 hours of `nowMs`. */
export function openIdempotencyKeys(nowMs: () => number): IdempotencyKeys {
  const entries = new Map<string, Entry>();
  return {
    begin: (key, fingerprint) => {
      const found = entries.get(key);
      if (found === undefined || nowMs() - found.startedMs >= keptForMs) {
        entries.set(key, { fingerprint, startedMs: nowMs(), answer: null });
        return null;
      }
      if (found.fingerprint !== fingerprint) {
        throw new StripeRefusal({
          status: 400,
          type: "idempotency_error",
          message: `Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key other than '${key}' if you meant to execute a different request.`,
        });
      }
      if (found.answer === null) {
        throw new StripeRefusal({
          status: 409,
          type: "idempotency_error",
          code: "idempotency_key_in_use",
          message: `There is currently another in-progress request using this Idempotent Key (that probably means you submitted twice, and the other request is still going through): ${key}. Please try again later.`,
        });
      }
      return found.answer;
    },
    end: (key, answer) => {
      const found = entries.get(key);
      if (found === undefined) return;
      if (answer === null) entries.delete(key);
      else found.answer = answer;
    },
  };
}
