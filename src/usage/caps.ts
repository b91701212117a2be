export type CapScope = "account" | "repository" | "user" | "session";

/** A limit on what tasks may cost, and how much of it is gone. Micro-USD. */
export type CapUse = {
  scope: CapScope;
  /** The id of what it is a limit of. */
  key: string;
  /** The calendar month (UTC) as `2026-11`; "" for a session, which has one limit for all its life. */
  period: string;
  capMicroUsd: number;
  /** What is charged. */
  spentMicroUsd: number;
  /** What other tasks that run now may still cost. */
  heldMicroUsd: number;
};

export type CapVerdict =
  | { ok: true }
  /** spent: what is charged leaves too little room · held: what others may still cost does, and some of that will come back. */
  | { ok: false; reason: "spent" | "held"; use: CapUse; needMicroUsd: number };

/** Whether a task that may cost `needMicroUsd` more fits below every cap. What no waiting can help is said first. */
export function judgeCaps(uses: readonly CapUse[], needMicroUsd: number): CapVerdict {
  const spent = uses.find((use) => use.spentMicroUsd + needMicroUsd > use.capMicroUsd);
  if (spent !== undefined) return { ok: false, reason: "spent", use: spent, needMicroUsd };
  const held = uses.find((use) => use.spentMicroUsd + use.heldMicroUsd + needMicroUsd > use.capMicroUsd);
  return held === undefined ? { ok: true } : { ok: false, reason: "held", use: held, needMicroUsd };
}

/** People are told at these shares of a cap, percent. */
export const alertShares = [50, 80, 100] as const;

/** The shares that are reached, the smallest first. */
export function reachedShares({ capMicroUsd, spentMicroUsd }: CapUse): number[] {
  return alertShares.filter((percent) => spentMicroUsd * 100 >= capMicroUsd * percent);
}
