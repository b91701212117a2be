import { z } from "zod";
import type { Logger } from "../log.ts";
import { JobInterrupted } from "./job-interrupted.ts";
import { jobNames, jobs, type JobHandlers, type JobName } from "./jobs.ts";
import { deadLetterQueue, groupConcurrency, heartbeatRefreshSeconds, pollSeconds } from "./queue-settings.ts";
import { runJob, type ClaimedJob, type JobFailure } from "./run-job.ts";

type LibraryJob = ClaimedJob & {
  sourceName?: string | null;
  sourceId?: string | null;
  sourceOutput?: object | null;
};

type WorkSettings = {
  batchSize: 1;
  includeMetadata: true;
  pollingIntervalSeconds: number;
  notifyPollingIntervalSeconds: number;
  heartbeatRefreshSeconds: number;
  groupConcurrency?: typeof groupConcurrency;
};

type Attempt = { id: string; retryCount: number };

/** What the slots need of the queue library. */
export type Library = {
  work(name: string, settings: WorkSettings, handler: (jobs: LibraryJob[]) => Promise<void>): Promise<string>;
  notifyWorker(workerId: string): void;
  fail(name: string, attempt: Attempt, output: object): Promise<unknown>;
  update(name: string, data: undefined, options: { id: string; startAfter: number }): Promise<unknown>;
  deleteJob(name: string, id: string): Promise<unknown>;
};

/** A job that has used up its attempts. */
export type DeadJob = { name: JobName; payload: unknown; error: string };

export type SlotsDeps = {
  library: Library;
  drain: AbortSignal;
  log: Logger;
  handlers: JobHandlers;
  /** Called after each failed attempt; interrupted ones are not failures. */
  onFailure?: (failure: JobFailure) => void;
  /** Called at least once for a dead job; until it succeeds, the job goes on blocking its key. */
  onDead?: (dead: DeadJob) => Promise<void>;
};

/**
 * One polling loop of the library for each slot. Only so can a finished job wake the loop that ran it: NOTIFY
 * tells of new jobs, not of those that a finished one has made free.
 */
export function startSlots(deps: SlotsDeps, concurrency: number) {
  const running = new Map<Attempt, { name: JobName; settled: Promise<void> }>();
  const handBack = async (name: JobName, job: Attempt, error: Error, delayMs: number) => {
    await deps.library.fail(name, { id: job.id, retryCount: job.retryCount }, { message: error.message });
    await deps.library.update(name, undefined, { id: job.id, startAfter: Math.ceil(delayMs / 1000) });
  };

  const startSlot = async (name: JobName) => {
    let workerId = "";
    workerId = await deps.library.work(name, settings(name), async ([job]) => {
      if (job === undefined) return;
      const handler = deps.handlers[name];
      const settled = runJob(
        {
          ...deps,
          handler,
          handBack: (held, error, delayMs) => handBack(name, held, error, delayMs),
          onFailure: deps.onFailure,
        },
        name,
        job,
      );
      running.set(job, { name, settled });
      try {
        await settled;
      } finally {
        running.delete(job);
        deps.library.notifyWorker(workerId);
      }
    });
    return workerId;
  };

  const starting = jobNames.flatMap((name) => {
    const { slots } = jobs[name];
    return Array.from({ length: slots === "concurrency" ? concurrency : slots }, () => startSlot(name));
  });
  const burying = deps.library.work(deadLetterQueue, settings(), async ([job]) => {
    if (job !== undefined) await bury(deps, job);
  });

  return {
    started: Promise.all([...starting, burying]),
    /** Settles when no handler runs any more. */
    idle: () => Promise.allSettled([...running.values()].map(({ settled }) => settled)),
    /** Gives away what is still running, whether its handler likes it or not. */
    handBackAll: () =>
      Promise.all([...running].map(([job, { name }]) => handBack(name, job, new JobInterrupted("drain"), 0))),
  };
}

function settings(name?: JobName): WorkSettings {
  return {
    batchSize: 1,
    includeMetadata: true,
    pollingIntervalSeconds: pollSeconds,
    notifyPollingIntervalSeconds: pollSeconds,
    heartbeatRefreshSeconds,
    ...(name !== undefined && jobs[name].order === "fifo" ? { groupConcurrency } : {}),
  };
}

const deadLetter = z.object({
  sourceName: z.enum(jobNames),
  sourceId: z.uuid(),
  sourceOutput: z.json(),
  data: z.unknown(),
});

/** Tells of the death; then a fifo job is removed, because it blocks its key as long as it lies there. */
async function bury(deps: SlotsDeps, job: LibraryJob): Promise<void> {
  const { sourceName, sourceId, sourceOutput, data } = deadLetter.parse(job);
  const error = sourceOutput === null ? "unknown" : JSON.stringify(sourceOutput);
  deps.log.error(
    { job: sourceName, jobId: sourceId, payload: data, error },
    "a job has used up its attempts",
  );
  await deps.onDead?.({ name: sourceName, payload: data, error });
  if (jobs[sourceName].order === "fifo") await deps.library.deleteJob(sourceName, sourceId);
}
