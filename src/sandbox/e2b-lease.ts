import { UserError } from "../errors.ts";

/** What E2B says of a running machine's time; its clock, which need not be ours. */
export type E2bTimes = { startedAt: Date; endAt: Date };

/** The difference that rounding to seconds and the way of a request make. */
const toleranceMs = 2_000;

/**
 * Whether a machine that ran before can run `timeoutMs` more before the plan's cap. Only differences of E2B's own times
 * count. `endAt` is after the time was extended: that now is `endAt - timeoutMs` at the latest.
 */
export function fitsIntoRun({ startedAt, endAt }: E2bTimes, maxRunMs: number): boolean {
  // At the cap itself E2B has cut the time, so that nothing can be told any more.
  return endAt.getTime() - startedAt.getTime() < maxRunMs - toleranceMs;
}

/** How long a machine runs already, at most. */
export function ageOf({ startedAt, endAt }: E2bTimes, timeoutMs: number): number {
  return Math.max(0, endAt.getTime() - timeoutMs - startedAt.getTime());
}

/** Throws where no machine of the plan could live that long in one go. */
export function assertWithinPlan(timeoutMs: number, maxRunMs: number): void {
  if (timeoutMs <= maxRunMs) return;
  throw new UserError(
    "e2b-plan",
    `A sandbox was to run for ${minutes(timeoutMs)} minutes, E2B_MAX_RUN_MINUTES allows ${minutes(maxRunMs)} without a pause.`,
    "Lower TASK_TIMEOUT_MINUTES, or raise E2B_MAX_RUN_MINUTES if your E2B plan lets a sandbox run longer (60 on Hobby, 1440 on Pro).",
  );
}

function minutes(ms: number): number {
  return Math.ceil(ms / 60_000);
}
