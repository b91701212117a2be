import { setTimeout as delay } from "node:timers/promises";
import { SandboxError } from "./sandbox.ts";

const attempts = 4;
const firstPauseMs = 250;

/**
 * Repeats a call that does no harm when it is done twice, while it fails with transient or busy. `lostAnswer` of the second
 * argument is true as soon as a failed attempt may have taken effect.
 */
export async function retryRemote<T>(call: (state: { lostAnswer: boolean }) => Promise<T>): Promise<T> {
  const state = { lostAnswer: false };
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await call(state);
    } catch (error) {
      if (!(error instanceof SandboxError) || attempt === attempts) throw error;
      if (error.fault !== "transient" && error.fault !== "busy") throw error;
      state.lostAnswer ||= error.fault === "transient";
      await delay(firstPauseMs * 2 ** (attempt - 1));
    }
  }
}
