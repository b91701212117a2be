import { uuidv7 } from "uuidv7";
import { jobs, type JobName, type JobPayload } from "./jobs.ts";
import { groupTier } from "./queue-settings.ts";

export type EnqueueOptions = {
  /** Jobs of one key of a fifo job run one at a time, in the order they were made; required there, meaningless elsewhere. */
  key?: string;
  /** At most `limit` jobs of a group run at once; a brief overshoot is possible, the claim of the task is exact. */
  group?: { id: string; limit: number };
  startAfterMs?: number;
  /** Higher runs first; 0 unless told. */
  priority?: number;
};

/** A job as the queue library inserts it. Throws when the payload or the options are not what the job's contract says. */
export function toJob<N extends JobName>(name: N, payload: JobPayload<N>, options: EnqueueOptions) {
  const { key, group, startAfterMs, priority } = options;
  if (jobs[name].order === "fifo" && key === undefined) throw new Error(`a ${name} job needs a key`);
  return {
    // Jobs of one transaction have the same creation time; the id, which rises, keeps their order.
    id: uuidv7(),
    data: jobs[name].payload.parse(payload),
    ...(key === undefined ? {} : { singletonKey: key }),
    ...(group === undefined ? {} : { group: { id: group.id, tier: groupTier(group.limit) } }),
    ...(startAfterMs === undefined ? {} : { startAfter: `${startAfterMs} milliseconds` }),
    ...(priority === undefined ? {} : { priority }),
  };
}
