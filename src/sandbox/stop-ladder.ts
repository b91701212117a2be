import type { Running } from "./running.ts";

/** How long a command has after SIGINT and after SIGTERM before its whole tree is killed, ms. */
export type Patience = { interruptMs: number; terminateMs: number };

export const defaultPatience = {
  timeout: { interruptMs: 5_000, terminateMs: 5_000 },
  abort: { interruptMs: 2_000, terminateMs: 1_000 },
} as const satisfies Record<string, Patience>;

/** Climbs SIGINT, SIGTERM, kill until `stop` is called; a second climb with less patience replaces the first. */
export function createStopLadder(running: Running): {
  climb(patience: Patience): void;
  stop(): void;
  readonly killed: boolean;
} {
  let killed = false;
  let timer: NodeJS.Timeout | undefined;
  const stop = () => clearTimeout(timer);
  const climb = (patience: Patience) => {
    stop();
    running.signal("SIGINT");
    timer = setTimeout(() => {
      running.signal("SIGTERM");
      timer = setTimeout(() => {
        killed = true;
        running.kill();
      }, patience.terminateMs);
    }, patience.interruptMs);
  };
  return {
    climb,
    stop,
    get killed() {
      return killed;
    },
  };
}
