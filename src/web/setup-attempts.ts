import { randomBytes } from "node:crypto";
import type { Clock } from "../clock.ts";
import type { NewApp } from "./convert-manifest.ts";

/** One way to GitHub and back; `app` is there once GitHub has told the new App's secrets, which it does only once. */
export type Attempt = { publicUrl: string | null; expiresAtMs: number; app?: NewApp };

export type SetupAttempts = {
  /** Answers the `state` that GitHub brings back. */
  begin(publicUrl: string | null): string;
  /** Hands an attempt out once; null for a state that is unknown, spent or over. */
  take(state: string): Attempt | null;
  /** Gives it back when it could not be finished, so that a reload of the page can. */
  restore(state: string, attempt: Attempt): void;
};

/** GitHub keeps its code for an hour. */
const lifetimeMs = 60 * 60_000;
const maxAttempts = 20;

export function createSetupAttempts(clock: Clock): SetupAttempts {
  const attempts = new Map<string, Attempt>();
  return {
    begin(publicUrl) {
      const state = randomBytes(32).toString("base64url");
      attempts.set(state, { publicUrl, expiresAtMs: clock.now().getTime() + lifetimeMs });
      for (const oldest of [...attempts.keys()].slice(0, -maxAttempts)) attempts.delete(oldest);
      return state;
    },
    take(state) {
      const attempt = attempts.get(state);
      attempts.delete(state);
      return attempt !== undefined && attempt.expiresAtMs > clock.now().getTime() ? attempt : null;
    },
    restore(state, attempt) {
      attempts.set(state, attempt);
    },
  };
}
