import type { JobContract } from "./jobs.ts";

export const schema = "pgboss";
export const deadLetterQueue = "dead-letter";

/** The library refuses less; a lost worker is noticed after this and one round of supervision. */
const heartbeatSeconds = 10;
export const heartbeatRefreshSeconds = 3;
/** NOTIFY starts a new job at once; the poll finds what no NOTIFY tells of: retries that have become due. */
export const pollSeconds = 2;
export const superviseSeconds = 3;
/** Finished jobs are kept for a look back; the count of jobs that supervision makes grows with them. */
const keepFinishedSeconds = 86_400;

const policies = { any: "standard", fifo: "key_strict_fifo", single: "stately" } as const;

export type QueueOptions = {
  policy: string;
  retryLimit: number;
  retryDelay: number;
  retryDelayMax: number;
  retryBackoff: boolean;
  expireInSeconds: number;
  deadLetter?: string;
  heartbeatSeconds: number;
  deleteAfterSeconds: number;
  notify: boolean;
};

/** A job's contract in the words of the library. */
export function toQueueOptions(contract: JobContract): QueueOptions {
  return {
    ...retries(contract),
    expireInSeconds: contract.expireInSeconds,
    policy: policies[contract.order],
    ...(contract.retryLimit > 0 ? { deadLetter: deadLetterQueue } : {}),
    heartbeatSeconds,
    deleteAfterSeconds: keepFinishedSeconds,
    notify: true,
  };
}

function retries(contract: JobContract) {
  const { retryLimit, retryDelaySeconds, retryDelayMaxSeconds } = contract;
  return {
    retryLimit,
    retryDelay: retryDelaySeconds,
    retryDelayMax: retryDelayMaxSeconds,
    retryBackoff: true,
  };
}

/** Burying is tried until it works: until then the dead job blocks its key. */
export const deadLetterOptions: QueueOptions = {
  retryLimit: 10_000,
  retryDelay: 1,
  retryDelayMax: 60,
  retryBackoff: true,
  expireInSeconds: 60,
  policy: "standard",
  heartbeatSeconds,
  deleteAfterSeconds: 30 * 86_400,
  notify: true,
};

/** The library knows limits by name only: one for each number up to 64, then doubling. */
const tierLimits = [...Array.from({ length: 64 }, (_, index) => index + 1), 128, 256, 512, 1_024];

export const groupConcurrency = {
  default: 1,
  tiers: Object.fromEntries(tierLimits.map((limit) => [`n${limit}`, limit])),
};

/** The name of the smallest limit that lets `limit` jobs of a group run; how many really run is the claim's affair. */
export function groupTier(limit: number): string {
  return `n${tierLimits.find((tier) => tier >= limit) ?? tierLimits.at(-1)}`;
}

export function connection(connectionString: string, max: number) {
  // Without a time limit a query into a dead network would hold its connection for ever.
  return {
    connectionString,
    schema,
    max,
    connectionTimeoutMillis: 5_000,
    query_timeout: 15_000,
    keepAlive: true,
  };
}

export function senderOptions(url: string) {
  return {
    ...connection(url, 2),
    supervise: false,
    schedule: false,
    migrate: false,
    registerInstance: false,
  };
}

export function workerOptions(url: string) {
  return {
    ...connection(url, 5),
    useListenNotify: true,
    superviseIntervalSeconds: superviseSeconds,
    monitorIntervalSeconds: superviseSeconds,
    cronMonitorIntervalSeconds: 15,
    cronWorkerIntervalSeconds: pollSeconds,
    monitorVacuum: false,
  };
}
