/** Whether an account may begin and finish work, as far as money goes: a pure table over what was last read of its subscription. */
export type Standing = {
  /** off: the server has no Stripe key. */
  billing: "on" | "off";
  installation: "live" | "suspended" | "removed";
  subscription: Subscription | null;
  /** The login of whoever has begun to set a plan up; null: nobody. */
  checkoutBy: string | null;
  /** A dispute is open, or an invoice was written off. */
  disputed: boolean;
  /** What is used and not paid for yet, cents. */
  exposureCents: number;
};

export type Subscription = {
  /** As Stripe says it. Its list is open: a status that is not known here lets nothing begin. */
  status: string;
  collectionPaused: boolean;
  /** When it ends, if it was cancelled for the end of its period. */
  endsAt: Date | null;
  trialEndsAt: Date | null;
  pastDueSince: Date | null;
  /** When this was read from Stripe. */
  readAt: Date;
};

export type Entitlement = {
  /** capCents: work may begin while less than this is unpaid. null: the account's own caps alone decide. */
  newWork: { ok: true; capCents: number | null } | { ok: false };
  /** finish: a running task goes on to its end · stop-soon: at its next safe point, in 10 minutes at most · stop: now, with a checkpoint · kill: now. */
  running: "finish" | "stop-soon" | "stop" | "kill";
  /** ledger: usage is written down and not sent to Stripe. */
  bill: "send" | "ledger" | "none";
  notice: NoticeKind | null;
  /** For an account that may go on: the day the notice speaks of. */
  day: Date | null;
  /** The operator has to look. */
  alarm: boolean;
};

export type NoticeKind =
  | "no-plan"
  | "checkout-open"
  | "payment-unconfirmed"
  | "trial"
  | "plan-ends"
  | "past-due"
  | "payment-failed"
  | "plan-paused"
  | "plan-ended"
  | "status-unknown"
  | "disputed"
  | "open-amount"
  | "suspended";

const dayMs = 86_400_000;
const graceMs = 7 * dayMs;
const noticeAheadMs = 7 * dayMs;
const freshMs = dayMs;
/** What may stay unpaid while a payment failed or Stripe cannot be asked, and in a trial. */
export const exposureLimitCents = 2_500;
export const trialCapCents = 2_000;

const free: Entitlement = {
  newWork: { ok: true, capCents: null },
  running: "finish",
  bill: "send",
  notice: null,
  day: null,
  alarm: false,
};
const no = { ok: false } as const;

/** Stale knowledge counts less: see `whileStripeIsAway`. */
export function entitle(standing: Standing, now: Date): Entitlement {
  const { installation, subscription, billing } = standing;
  const sends = billing === "on" ? "send" : "ledger";
  if (installation === "removed") return { ...free, newWork: no, running: "kill", bill: sends };
  if (installation === "suspended")
    return { ...free, newWork: no, running: "stop", bill: sends, notice: "suspended" };
  if (billing === "off") return { ...free, bill: "ledger" };
  if (subscription === null) return withoutPlan(standing);
  const told = withPlan(subscription, { now, checkoutBy: standing.checkoutBy });
  const judged = standing.disputed
    ? { ...told, newWork: no, notice: "disputed" as const, day: null, alarm: true }
    : told;
  return limitExposure(whileStripeIsAway(judged, subscription, now), standing);
}

function withoutPlan({ checkoutBy }: Standing): Entitlement {
  const notice = checkoutBy === null ? "no-plan" : "checkout-open";
  return { ...free, newWork: no, bill: "none", notice };
}

function withPlan(
  subscription: Subscription,
  { now, checkoutBy }: { now: Date; checkoutBy: string | null },
): Entitlement {
  const refused = (notice: NoticeKind, more: Partial<Entitlement> = {}): Entitlement => ({
    ...free,
    newWork: no,
    notice,
    ...more,
  });
  if (subscription.collectionPaused && isLive(subscription.status)) return refused("plan-paused");
  switch (subscription.status) {
    case "active":
      return active(subscription, now);
    case "trialing":
      return {
        ...free,
        newWork: { ok: true, capCents: trialCapCents },
        notice: "trial",
        day: subscription.trialEndsAt,
      };
    case "past_due":
      return pastDue(subscription, now);
    case "incomplete":
      return refused("payment-unconfirmed");
    case "incomplete_expired":
      return refused(checkoutBy === null ? "no-plan" : "checkout-open");
    case "unpaid":
      return refused("payment-failed", {
        running: "stop-soon",
        bill: "ledger",
        day: subscription.pastDueSince,
      });
    case "paused":
      return refused("plan-paused", { bill: "ledger" });
    case "canceled":
      return refused("plan-ended", { running: "stop-soon", bill: "ledger" });
    default:
      return refused("status-unknown", { alarm: true });
  }
}

const isLive = (status: string): boolean =>
  status === "active" || status === "trialing" || status === "past_due";

function active({ endsAt }: Subscription, now: Date): Entitlement {
  if (endsAt === null) return free;
  if (endsAt <= now) return { ...free, newWork: no, notice: "plan-ended" };
  const soon = endsAt.getTime() - now.getTime() <= noticeAheadMs;
  return soon ? { ...free, notice: "plan-ends", day: endsAt } : free;
}

/** Without the day on which it began, it began too long ago. */
function pastDue({ pastDueSince }: Subscription, now: Date): Entitlement {
  const inGrace = pastDueSince !== null && now.getTime() - pastDueSince.getTime() <= graceMs;
  if (!inGrace) return { ...free, newWork: no, notice: "payment-failed", day: pastDueSince };
  return {
    ...free,
    newWork: { ok: true, capCents: exposureLimitCents },
    notice: "past-due",
    day: new Date(pastDueSince.getTime() + graceMs),
  };
}

/** What was read more than a day ago lets little begin, and its usage is kept until Stripe answers. */
function whileStripeIsAway(told: Entitlement, { readAt }: Subscription, now: Date): Entitlement {
  if (now.getTime() - readAt.getTime() <= freshMs) return told;
  if (!told.newWork.ok) return { ...told, alarm: true };
  const capCents = Math.min(told.newWork.capCents ?? exposureLimitCents, exposureLimitCents);
  return { ...told, newWork: { ok: true, capCents }, alarm: true };
}

function limitExposure(told: Entitlement, { exposureCents }: Standing): Entitlement {
  const { newWork } = told;
  if (!newWork.ok || newWork.capCents === null || exposureCents < newWork.capCents) return told;
  return { ...told, newWork: no, notice: "open-amount", day: null };
}
