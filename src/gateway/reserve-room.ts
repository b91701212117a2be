import { setTimeout as delay } from "node:timers/promises";
import type { GatewayDeps } from "./gateway-deps.ts";
import { reserveCall, type Reservation } from "./model-call-store.ts";
import type { Turn } from "./turn.ts";

/** How often a call that has to wait looks again, and for how long; Claude Code itself gives up after ten minutes. */
const lookAgainMs = 500;
const patienceMs = 5 * 60_000;

/**
 * Reserves a call. One that only other calls under way leave no room for waits until they are settled, which is
 * mostly for much less than they reserved; what is spent for good is refused at once. `signal` ends the waiting.
 */
export async function reserveRoom(
  { db }: Pick<GatewayDeps, "db">,
  call: { turn: Turn; model: string; reservedMicroUsd: number; signal: AbortSignal },
): Promise<Reservation> {
  const givesUpAt = performance.now() + patienceMs;
  for (;;) {
    const reservation = await reserveCall(db, call);
    if (reservation.ok || reservation.reason === "ended") return reservation;
    const { spentMicroUsd, budgetMicroUsd } = reservation;
    const isSpent = spentMicroUsd + call.reservedMicroUsd > budgetMicroUsd;
    if (isSpent || call.signal.aborted || performance.now() >= givesUpAt) return reservation;
    await delay(lookAgainMs, undefined, { signal: call.signal }).catch((error: unknown) => {
      if (!call.signal.aborted) throw error;
    });
  }
}
