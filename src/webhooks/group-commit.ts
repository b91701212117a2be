import { setImmediate, setTimeout as delay } from "node:timers/promises";
import { isConnectionError } from "../../db/client.ts";
import { toError, TransientError } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { DeliveryStore, NewDelivery, StoreOutcome } from "./intake-store.ts";

export type GroupCommitDeps = {
  /** Called again when a store hangs and was cut off. */
  openStore: () => DeliveryStore;
  log: Logger;
  /** How long a delivery may wait for its commit. */
  deadlineMs: number;
};

/** Row and bytes a commit may have; enough to share its cost, little enough to stay quick. */
const batchLimit = { rows: 64, bytes: 8_388_608 };
/** While one commit waits for the disk, the next is on its way; more would only make them smaller. */
const commitsAtOnce = 2;
/** What may wait while the database is away; the rest is refused at once. */
const waitingLimit = { rows: 4_096, bytes: 67_108_864 };
const reconnectMs = 200;

type Entry = {
  row: NewDelivery;
  deadline: number;
  timer: NodeJS.Timeout;
  resolve: (outcome: StoreOutcome) => void;
  reject: (error: Error) => void;
};

/**
 * Stores what arrives in one turn of the event loop, or while a commit is under way, in one transaction. Each
 * delivery is answered after its own commit, and by its deadline at the latest.
 */
export class GroupCommit {
  readonly #deps: GroupCommitDeps;
  #store: DeliveryStore;
  #waiting: Entry[] = [];
  #waitingBytes = 0;
  #pumping = 0;
  readonly #pumps = new Set<Promise<void>>();

  constructor(deps: GroupCommitDeps) {
    this.#deps = deps;
    this.#store = deps.openStore();
  }

  /** Rejects with a TransientError when the row was not committed in time, or cannot even wait for it. */
  store(row: NewDelivery): Promise<StoreOutcome> {
    if (
      this.#waiting.length >= waitingLimit.rows ||
      this.#waitingBytes + row.payload.length > waitingLimit.bytes
    ) {
      return Promise.reject(new TransientError("too many deliveries wait for the database"));
    }
    return new Promise((resolve, reject) => {
      const expire = () => {
        this.#drop(entry);
        reject(new TransientError(`the database did not answer within ${this.#deps.deadlineMs} ms`));
      };
      const deadline = performance.now() + this.#deps.deadlineMs;
      const entry: Entry = {
        row,
        deadline,
        timer: setTimeout(expire, this.#deps.deadlineMs),
        resolve,
        reject,
      };
      this.#waiting.push(entry);
      this.#waitingBytes += row.payload.length;
      this.#startPump();
    });
  }

  /** Waits for what is under way, then closes the connections. */
  async close(): Promise<void> {
    while (this.#pumps.size > 0) await Promise.all(this.#pumps);
    await this.#store.close();
  }

  #startPump(): void {
    if (this.#pumping >= commitsAtOnce) return;
    this.#pumping += 1;
    const pump = this.#pump().finally(() => this.#pumps.delete(pump));
    this.#pumps.add(pump);
  }

  async #pump(): Promise<void> {
    await setImmediate();
    while (this.#waiting.length > 0) await this.#commit(this.#take());
    // In the same turn as the look at what waits, so that nothing can be left waiting between the two.
    this.#pumping -= 1;
  }

  #take(): Entry[] {
    let bytes = 0;
    let rows = 0;
    for (const { row } of this.#waiting) {
      bytes += row.payload.length;
      if (rows > 0 && (rows >= batchLimit.rows || bytes > batchLimit.bytes)) break;
      rows += 1;
    }
    const batch = this.#waiting.splice(0, rows);
    for (const { row } of batch) this.#waitingBytes -= row.payload.length;
    return batch;
  }

  #drop(entry: Entry): void {
    const index = this.#waiting.indexOf(entry);
    if (index === -1) return;
    this.#waiting.splice(index, 1);
    this.#waitingBytes -= entry.row.payload.length;
  }

  async #commit(batch: Entry[]): Promise<void> {
    try {
      const outcomes = await this.#beforeDeadline(batch);
      batch.forEach((entry, index) => {
        clearTimeout(entry.timer);
        const outcome = outcomes[index];
        if (outcome === undefined) entry.reject(new Error("the store answered with too few outcomes"));
        else entry.resolve(outcome);
      });
    } catch (thrown) {
      await this.#recover(batch, toError(thrown));
    }
  }

  /** A query into a dead network never ends by itself, so its connection is cut and a new one made. */
  async #beforeDeadline(batch: Entry[]): Promise<StoreOutcome[]> {
    const lastDeadline = Math.max(...batch.map(({ deadline }) => deadline));
    const storing = this.#store.store(batch.map(({ row }) => row));
    const { promise: hung, resolve } = Promise.withResolvers<"hung">();
    const timer = setTimeout(() => resolve("hung"), Math.max(0, lastDeadline - performance.now()));
    try {
      const result = await Promise.race([storing, hung]);
      if (result !== "hung") return result;
    } finally {
      clearTimeout(timer);
    }
    storing.catch((error: unknown) => {
      this.#deps.log.debug({ err: error }, "a commit that had been given up has ended");
    });
    this.#deps.log.error({ rows: batch.length }, "the database hangs; its connections are cut and made anew");
    void this.#store.close();
    this.#store = this.#deps.openStore();
    throw new TransientError("the database hangs");
  }

  /** An outage is waited out as long as the deadlines allow; a row that poisons its batch fails alone. */
  async #recover(batch: Entry[], error: Error): Promise<void> {
    if (isConnectionError(error)) {
      await delay(reconnectMs);
      const alive = batch.filter(({ deadline }) => deadline > performance.now());
      this.#waiting.unshift(...alive);
      for (const { row } of alive) this.#waitingBytes += row.payload.length;
      return;
    }
    if (batch.length > 1 && !(error instanceof TransientError)) {
      this.#deps.log.warn(
        { err: error, rows: batch.length },
        "a batch failed; its rows are tried one by one",
      );
      for (const entry of batch) await this.#commit([entry]);
      return;
    }
    for (const entry of batch) {
      clearTimeout(entry.timer);
      entry.reject(error);
    }
  }
}
