import { z } from "zod";

const emptyPayload = z.strictObject({});
const taskPayload = z.strictObject({ taskId: z.uuid(), accountId: z.uuid() });

/** What a periodic job has in common: the next round is the retry. */
const periodic = {
  payload: emptyPayload,
  retryLimit: 0,
  retryDelaySeconds: 1,
  retryDelayMaxSeconds: 60,
  expireInSeconds: 600,
  order: "single",
  slots: 1,
} as const;

const look = {
  payload: z.strictObject({
    accountId: z.uuid(),
    sessionId: z.uuid(),
    deliveryId: z.string().min(1),
    /** How often it was put off. */
    round: z.int().nonnegative(),
  }),
  retryLimit: 12,
  retryDelaySeconds: 2,
  retryDelayMaxSeconds: 300,
  expireInSeconds: 300,
  slots: 2,
} as const;

const ofAccount = {
  payload: z.strictObject({ accountId: z.uuid() }),
  retryLimit: 12,
  retryDelaySeconds: 2,
  retryDelayMaxSeconds: 300,
  expireInSeconds: 300,
  slots: 1,
} as const;

/**
 * Every asynchronous edge of the program on one page: a job's payload and how often and how fast it is
 * tried again. Handlers are wired in src/worker.ts.
 */
export const jobs = {
  /** A stored delivery is handed to Probot. */
  intake: {
    payload: z.strictObject({ deliveryId: z.string().min(1) }),
    retryLimit: 12,
    retryDelaySeconds: 1,
    retryDelayMaxSeconds: 300,
    expireInSeconds: 300,
    order: "any",
    // It mostly waits for GitHub, and a person waits for its eyes.
    slots: 16,
  },
  /**
   * One task; its key is the session, so that a session's tasks run one after the other. The task's own count of
   * failures decides the end. The delay stays short, because a killed worker costs an attempt too; and a task that a limit of
   * its repository holds back comes again every few seconds, perhaps for days.
   */
  "run-task": {
    payload: taskPayload,
    retryLimit: 1_000_000,
    retryDelaySeconds: 1,
    retryDelayMaxSeconds: 8,
    expireInSeconds: 7 * 3600,
    order: "fifo",
    slots: "concurrency",
  },
  /** The final word on the thread of a task that ended outside its own run (cancelled while queued, swept). */
  "report-task": {
    payload: taskPayload,
    retryLimit: 12,
    retryDelaySeconds: 2,
    retryDelayMaxSeconds: 300,
    expireInSeconds: 300,
    order: "any",
    slots: 1,
  },
  /** Threads of waiting tasks are told that they have moved up. */
  "show-places": {
    payload: z.strictObject({ accountId: z.uuid() }),
    retryLimit: 3,
    retryDelaySeconds: 2,
    retryDelayMaxSeconds: 30,
    expireInSeconds: 300,
    order: "any",
    slots: 1,
  },
  /** A look at the checks of a session's pull request; its key is the session. */
  checks: { ...look, order: "single" },
  /** The same, when the last event has not come or a task was in the way. */
  "checks-later": { ...look, order: "single" },
  /** A look whether a session's pull request still merges into its base; its key is the session. */
  conflict: { ...look, order: "single" },
  /** The comments collected on a pull request of ours become one task once it is quiet. */
  feedback: {
    payload: z.strictObject({ accountId: z.uuid(), sessionId: z.uuid() }),
    retryLimit: 12,
    retryDelaySeconds: 1,
    retryDelayMaxSeconds: 300,
    expireInSeconds: 300,
    order: "any",
    slots: 1,
  },
  /** What Stripe has said is looked up, and accounts of which nothing was heard for long. */
  "stripe-events": periodic,
  /** Stripe is told of charges; what was not taken, or of accounts without a customer yet, is tried again. */
  "send-charges": periodic,
  /** The ledger is held against what Stripe has counted. */
  "reconcile-charges": { ...periodic, expireInSeconds: 3600 },
  /** Tasks that a plan lets run for a while yet are stopped; its key is the account. */
  "stop-by-plan": { ...ofAccount, order: "single" },
  /** The App is gone from an account: its plan ends with the period that is paid for. */
  "end-plan": { ...ofAccount, order: "any" },
  sweep: { ...periodic, expireInSeconds: 300 },
  "missed-deliveries": periodic,
  "pause-idle": periodic,
  "expire-checkpoints": { ...periodic, expireInSeconds: 3600 },
  "expire-deliveries": { ...periodic, expireInSeconds: 3600 },
  // Somebody may be waiting for a machine to be gone, so the next tick of the clock is too far away.
  reap: { ...periodic, retryLimit: 5, retryDelaySeconds: 2 },
} as const satisfies Record<string, JobContract>;

export type JobContract = {
  payload: z.ZodType;
  /** 0: a failed job is over and nobody hears of it but the log; otherwise it ends as a dead letter. */
  retryLimit: number;
  retryDelaySeconds: number;
  retryDelayMaxSeconds: number;
  expireInSeconds: number;
  /**
   * any: side by side · fifo: jobs of one key run one at a time, in the order they were made · single: in the
   * whole cluster one runs and one waits, and what is enqueued beyond that is dropped.
   */
  order: "any" | "fifo" | "single";
  /** How many run at once in one worker; "concurrency" is WORKER_CONCURRENCY. */
  slots: number | "concurrency";
};

export type JobName = keyof typeof jobs;
export type JobPayload<N extends JobName> = z.infer<(typeof jobs)[N]["payload"]>;

export const jobNames = Object.keys(jobs) as JobName[];

export type JobContext = {
  /** Fires with a JobInterrupted when the worker drains or the claim is lost, and only while the handler runs. */
  signal: AbortSignal;
  /** 1 for the first run of this job. */
  attempt: number;
};

/** What a handler answers is nobody's business. */
export type JobHandlers = {
  [N in JobName]: (payload: JobPayload<N>, context: JobContext) => Promise<unknown>;
};
