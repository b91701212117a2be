import { toError } from "../errors.ts";
import type { Patience } from "./stop-ladder.ts";

export type RemoteStop = {
  /** Climbs INT, TERM, KILL; a second climb with less patience replaces the first. */
  climb(patience: Patience): void;
  /** KILL at once. */
  kill(): void;
  /** No further step. */
  end(): void;
  readonly killed: boolean;
  /** Rejects when the machine could not be told; else it never settles. */
  readonly failed: Promise<never>;
};

/**
 * The stop ladder for a command that only requests reach. `tell` sends a signal's name; `killHard` is for a command that is
 * still there `graceMs` after KILL.
 */
export function createRemoteStop(input: {
  tell: (word: "INT" | "TERM" | "KILL") => Promise<void>;
  killHard: () => Promise<void>;
  graceMs: number;
}): RemoteStop {
  let killed = false;
  let over = false;
  let timer: NodeJS.Timeout | undefined;
  let fail: (error: Error) => void;
  const failed = new Promise<never>((_, reject) => (fail = reject));
  // Whoever waits for the command races with it; without one nobody else would take the rejection.
  failed.catch(() => undefined);
  const killHard = () => {
    input.killHard().catch((error: unknown) => {
      if (!over) fail(toError(error));
    });
  };
  const send = (word: "INT" | "TERM" | "KILL") => {
    input.tell(word).catch(() => {
      // Whoever should pass it on is gone; what it says is said by the last resort too, if that fails.
      if (over) return;
      killed = true;
      clearTimeout(timer);
      killHard();
    });
  };
  const after = (delayMs: number, step: () => void) => {
    clearTimeout(timer);
    timer = setTimeout(step, delayMs);
  };
  const kill = () => {
    if (over || killed) return;
    killed = true;
    send("KILL");
    after(input.graceMs, killHard);
  };
  return {
    climb(patience) {
      if (over || killed) return;
      send("INT");
      after(patience.interruptMs, () => {
        send("TERM");
        after(patience.terminateMs, kill);
      });
    },
    kill,
    end() {
      over = true;
      clearTimeout(timer);
    },
    get killed() {
      return killed;
    },
    failed,
  };
}
