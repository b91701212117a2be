import { jobNames, type JobName } from "./jobs.ts";

/** Counts that a worker took within the last seconds; without any worker they stand still. */
export type QueueStats = {
  ready: number;
  waiting: number;
  active: number;
  failed: number;
  oldestReadySeconds: number;
};

type LibraryCounts = {
  name: string;
  readyCount: number;
  queuedCount: number;
  activeCount: number;
  failedCount: number;
  readyOldestSeconds: number | null;
};

export async function readStats(library: {
  getQueues(names: string[]): Promise<LibraryCounts[]>;
}): Promise<Record<JobName, QueueStats>> {
  const rows = new Map((await library.getQueues([...jobNames])).map((row) => [row.name, row]));
  const stats = jobNames.map((name) => {
    const row = rows.get(name);
    if (row === undefined) throw new Error(`the queue ${name} is gone`);
    const { readyCount, queuedCount, activeCount, failedCount, readyOldestSeconds } = row;
    const counts: QueueStats = {
      ready: readyCount,
      waiting: queuedCount - readyCount,
      active: activeCount,
      failed: failedCount,
      oldestReadySeconds: readyOldestSeconds ?? 0,
    };
    return [name, counts] as const;
  });
  return Object.fromEntries(stats) as Record<JobName, QueueStats>;
}
