import { promisify } from "node:util";
import { constants, inflateSync, zstdCompress, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { and, eq, inArray } from "drizzle-orm";
import type { Db, Tx } from "../../db/client.ts";
import { ConnectionPool } from "../../db/connection-pool.ts";
import { delivery } from "../../db/schema.ts";
import type { Queue } from "../queue/queue.ts";
import { byteArrays } from "./byte-arrays.ts";
import type { DeliveryFacts } from "./classify-delivery.ts";

export type NewDelivery = Omit<DeliveryFacts, "intake"> & {
  id: string;
  /** As packPayload made it. */
  payload: Buffer;
  source: "webhook" | "recovered";
  makesJob: boolean;
};

/** duplicate: this delivery, or the same request under another id, is here already. */
export type StoreOutcome = "queued" | "stored" | "duplicate";

export type DeliveryStore = {
  /** Stores deliveries and makes their jobs, all or nothing; answers in the order of the rows. */
  store(rows: readonly NewDelivery[]): Promise<StoreOutcome[]>;
  /** Does not wait for what is still running. */
  close(): Promise<void>;
};

const compressAsync = promisify(zstdCompress);

/** Beyond what a delivery ordinarily has; a larger one is compressed off the main thread. */
const largeBytes = 262_144;
const quick = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };

/**
 * A body as the table keeps it: in zstd's format. At a seventh of its size it stands in its row, where PostgreSQL would
 * else write seven more beside it; zlib takes twice the time for that (measured).
 */
export function packPayload(body: Buffer): Buffer | Promise<Buffer> {
  return body.length > largeBytes ? compressAsync(body, quick) : zstdCompressSync(body, quick);
}

/** What packPayload made, or an older version in zlib's format, as text again. */
export function unpackPayload(payload: Buffer): string {
  const isZlib = ((payload[0] ?? 0) & 0x0f) === 8 && payload.readUInt16BE() % 31 === 0;
  return (isZlib ? inflateSync : zstdDecompressSync)(payload).toString("utf8");
}

/** Longer than any delivery waits, so that the answer to a hanging query is known to be useless. */
const queryTimeoutMs = 10_000;

/**
 * The intake's own connections for the deliveries that ask for nothing, which are by far the most. They are apart
 * because their one statement is prepared, which drizzle's are not (measured: twice the rate).
 */
export function openDeliveryStore(input: {
  url: string;
  system: Db;
  queue: Pick<Queue, "enqueueAll">;
}): DeliveryStore {
  const pool = new ConnectionPool({
    url: input.url,
    max: 2,
    applicationName: "remote-claude-intake",
    settings: { role: "remote_claude_system", statement_timeout: "8s" },
    idleTimeoutMs: 60_000,
    queryTimeoutMs,
  });
  return {
    async store(rows) {
      const quiet = rows.filter((row) => !row.makesJob);
      const asking = rows.filter((row) => row.makesJob);
      const [stored, queued] = await Promise.all([
        insertQuiet(pool, quiet),
        insertAsking(input.system, input.queue, asking),
      ]);
      return rows.map((row) => {
        // Of two equal ids in one batch the first is new and the second its duplicate.
        if (row.makesJob) return queued.delete(row.id) ? "queued" : "duplicate";
        return stored.delete(row.id) ? "stored" : "duplicate";
      });
    },
    close: () => pool.close(0),
  };
}

/**
 * One statement whatever the number of rows, and with a name, so that it is parsed and planned once for a
 * connection. One JSON text costs the driver less than an array for each column, except for the bodies: as bytes
 * they need no base64 (measured: a quarter of PostgreSQL's time).
 */
const insertRows = {
  name: "intake",
  text: `
    insert into delivery (id, event, action, installation_id, repository_id, business_key, payload, source, status)
    select id, event, action, "installationId", "repositoryId", "businessKey", payload, source, 'stored'
    from rows from (
      json_to_recordset($1::text::json) as (
        id text, event text, action text, "installationId" bigint, "repositoryId" bigint, "businessKey" text,
        source text),
      unnest($2::bytea[])
    ) as row (id, event, action, "installationId", "repositoryId", "businessKey", source, payload)
    on conflict do nothing
    returning id`,
};

async function insertQuiet(pool: ConnectionPool, rows: readonly NewDelivery[]): Promise<Set<string>> {
  if (rows.length === 0) return new Set();
  const columns = JSON.stringify(rows.map((row) => ({ ...row, payload: undefined })));
  const payloads = byteArrays(rows.map(({ payload }) => payload));
  const inserted = await pool.query(insertRows, [columns, payloads]);
  return new Set(inserted.map(({ id }) => String(id)));
}

/** Deliveries that ask for something: row and job in one transaction. */
async function insertAsking(
  db: Db,
  queue: Pick<Queue, "enqueueAll">,
  rows: readonly NewDelivery[],
): Promise<Set<string>> {
  if (rows.length === 0) return new Set();
  return db.transaction(async (tx) => {
    const inserted = await tx
      .insert(delivery)
      .values(rows.map((row) => ({ ...row, status: "queued" as const })))
      .onConflictDoNothing()
      .returning({ id: delivery.id });
    const fresh = new Set(inserted.map(({ id }) => id));
    const known = rows.map(({ id }) => id).filter((id) => !fresh.has(id));
    for (const id of await reviveDead(tx, known)) fresh.add(id);
    await queue.enqueueAll(
      tx,
      "intake",
      [...fresh].map((deliveryId) => ({ deliveryId })),
    );
    return fresh;
  });
}

/** A person redelivers on GitHub what had died here: it gets another life. */
async function reviveDead(tx: Tx, ids: readonly string[]): Promise<string[]> {
  if (ids.length === 0) return [];
  const rows = await tx
    .update(delivery)
    .set({ status: "queued", error: null, processedAt: null })
    .where(and(inArray(delivery.id, [...ids]), eq(delivery.status, "dead")))
    .returning({ id: delivery.id });
  return rows.map(({ id }) => id);
}
