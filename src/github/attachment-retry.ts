import { setTimeout as delay } from "node:timers/promises";
import { TransientError } from "../errors.ts";
import type { AttachmentLimits } from "./attachment-limits.ts";

/** GitHub may ask for more; then the file is given up rather than the person kept waiting. */
const maxPauseMs = 5_000;

/** Repeats a read that met a passing fault. Rejects with the last TransientError, or with the signal's reason. */
export async function retryReading<T>(
  limits: Pick<AttachmentLimits, "attempts" | "retryPauseMs">,
  signal: AbortSignal,
  read: () => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await read();
    } catch (error) {
      const pauseMs = Math.max(
        limits.retryPauseMs * 2 ** (attempt - 1),
        error instanceof TransientError ? (error.retryAfterMs ?? 0) : 0,
      );
      const gaveUp = attempt >= limits.attempts || pauseMs > maxPauseMs;
      if (!(error instanceof TransientError) || gaveUp || signal.aborted) throw error;
      await delay(pauseMs, undefined, { signal });
    }
  }
}
