/** Stripe's time. It runs with the machine's until it is frozen; it only ever goes forward. */
export type StripeClock = {
  nowMs(): number;
  /** Unix seconds, as the API writes time. */
  now(): number;
  advance(ms: number): void;
};

/** Starts at `startAt` and stands still there; without it, follows the machine's clock plus what was advanced. */
export function openClock(startAt: Date | undefined): StripeClock {
  let offsetMs = 0;
  const nowMs = () => (startAt === undefined ? Date.now() : startAt.getTime()) + offsetMs;
  return {
    nowMs,
    now: () => Math.floor(nowMs() / 1000),
    advance: (ms) => {
      if (ms < 0) throw new Error(`Expected the clock to go forward, got ${ms} ms.`);
      offsetMs += ms;
    },
  };
}
