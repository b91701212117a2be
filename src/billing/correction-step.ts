/** What became of a charge's row in the outbox, as far as a correction has to know. */
export type SentCharge = {
  /** none: nothing is owed yet, so there was nothing to send. kept: it is owed in the ledger alone, as of an account without a plan. */
  state: "none" | "kept" | "pending" | "sending" | "delivered" | "reconcile" | "dead" | "superseded";
  attempts: number;
  /** When Stripe took it. */
  deliveredAt: Date | null;
  /** The billing period it belongs to has been invoiced. */
  invoiced: boolean;
  /** What the period's sum is at Stripe, cents, with this charge in it. */
  periodCents: number;
};

export type CorrectionStep =
  /** Billing is off, or nothing was ever to be sent. */
  | { kind: "ledger-only" }
  /** The row was never sent: it is taken out and the corrected amount is sent in its place. */
  | { kind: "supersede" }
  /** Stripe forgets the event by its identifier, and the corrected amount is sent as a new one. */
  | { kind: "cancel-and-send" }
  /** A further event with the difference. */
  | { kind: "send-difference" }
  | { kind: "credit-note" }
  /** Nobody knows whether it was taken, or the sum would fall below nothing. */
  | { kind: "by-hand"; why: "outcome-unknown" | "below-nothing" };

/** Stripe cancels an event within a day of taking it; an hour is kept for the way there. */
const cancelWithinMs = 23 * 3_600_000;

/** The rung of the correction ladder (research §3.6) on which a charge that owes `differenceCents` less or more is put right. */
export function chooseCorrection(
  sent: SentCharge,
  { differenceCents, now, billing }: { differenceCents: number; now: Date; billing: "on" | "off" },
): CorrectionStep {
  switch (sent.state) {
    case "kept":
      return { kind: "ledger-only" };
    case "none":
    case "superseded":
      // Less of what Stripe never heard of is nothing that it has to hear.
      return { kind: billing === "on" && differenceCents > 0 ? "send-difference" : "ledger-only" };
    case "dead":
      return { kind: "supersede" };
    case "pending":
      // One that was tried before may have arrived.
      return sent.attempts === 0 ? { kind: "supersede" } : { kind: "by-hand", why: "outcome-unknown" };
    case "sending":
    case "reconcile":
      return { kind: "by-hand", why: "outcome-unknown" };
    case "delivered":
      return ofDelivered(sent, { differenceCents, now });
  }
}

function ofDelivered(
  { deliveredAt, invoiced, periodCents }: SentCharge,
  { differenceCents, now }: { differenceCents: number; now: Date },
): CorrectionStep {
  if (invoiced) return differenceCents < 0 ? { kind: "credit-note" } : { kind: "send-difference" };
  if (differenceCents >= 0) return { kind: "send-difference" };
  const fresh = deliveredAt !== null && now.getTime() - deliveredAt.getTime() < cancelWithinMs;
  if (fresh) return { kind: "cancel-and-send" };
  return periodCents + differenceCents < 0
    ? { kind: "by-hand", why: "below-nothing" }
    : { kind: "send-difference" };
}
