import type { Config } from "../config.ts";

/** `quietMs`: nobody has said anything for so long. `longestMs`: the first comment waits no longer than this. */
export type FeedbackTimes = { quietMs: number; longestMs: number };

/** As the contract has it: 5 s of quiet, 15 s at most. */
const defaults: FeedbackTimes = { quietMs: 5_000, longestMs: 15_000 };

export function readFeedbackTimes(config: Config & { feedback?: FeedbackTimes }): FeedbackTimes {
  return config.feedback ?? defaults;
}
