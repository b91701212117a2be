import { sql } from "drizzle-orm";
import type { PgDatabase } from "drizzle-orm/pg-core";
import { drizzle, type PostgresJsQueryResultHKT } from "drizzle-orm/postgres-js";
import postgres from "postgres";
import { UserError } from "../src/errors.ts";
import type { Logger } from "../src/log.ts";
import * as schema from "./schema.ts";

/** Queries of one role; a Tx may stand wherever only queries are made. */
export type Db = PgDatabase<PostgresJsQueryResultHKT, typeof schema>;
export type Tx = Parameters<Parameters<Db["transaction"]>[0]>[0];

export type Database = {
  /** Runs as `remote_claude_app`: sees nothing of any tenant outside withAccount. */
  db: Db;
  /** Runs as `remote_claude_system`: sees every account. */
  system: Db;
  /**
   * Calls `onPayload` for each NOTIFY on the channel until the returned function is called. A lost connection is
   * made again; what was notified meanwhile is gone, so `onListening` is called after each time it is made.
   */
  listen(
    channel: string,
    onPayload: (payload: string) => void,
    onListening?: () => void,
  ): Promise<() => Promise<void>>;
  url: string;
  /** Lets running queries end, for 5 s at most. */
  close(): Promise<void>;
};

/** Opens two pools on one database; connects at the first query. `url` is that of the owner, who ran the migrations. */
export function openDatabase(input: { url: string; log?: Logger | undefined }): Database {
  const app = connect(input, "remote_claude_app", 10);
  const system = connect(input, "remote_claude_system", 5);
  return {
    db: drizzle({ client: app, schema }),
    system: drizzle({ client: system, schema }),
    listen: (channel, onPayload, onListening) => listen(app, channel, onPayload, onListening),
    url: input.url,
    close: async () => {
      await Promise.all([app.end({ timeout: 5 }), system.end({ timeout: 5 })]);
    },
  };
}

/** A transaction that sees and writes the rows of this account only. */
export async function withAccount<T>(db: Db, accountId: string, run: (tx: Tx) => Promise<T>): Promise<T> {
  return db.transaction(async (tx) => {
    await tx.execute(sql`select set_config('app.account_id', ${accountId}, true)`);
    return run(tx);
  });
}

/** Whether a unique index or constraint (of this name, where given) refused the row. */
export function isUniqueViolation(error: unknown, constraint?: string): boolean {
  return causesOf(error).some(
    (cause) =>
      cause instanceof postgres.PostgresError &&
      cause.code === "23505" &&
      (constraint === undefined || cause.constraint_name === constraint),
  );
}

/** Whether the database was away rather than unwilling: the same call may pass later, and may have had its effect. */
export function isConnectionError(error: unknown): boolean {
  return causesOf(error).some((cause) => {
    if (!("code" in cause) || typeof cause.code !== "string") return false;
    if (cause instanceof postgres.PostgresError) return away.test(cause.code);
    return awayOnTheWire.has(cause.code);
  });
}

const idleInTransactionMs = 30_000;

/** Connection exceptions, idle in a transaction for too long, too many connections, shutdown, crash, starting up: PostgreSQL's appendix A. */
const away = /^(08...|25P03|53300|57P0[1-5])$/;

/** Codes of postgres.js and of node's sockets. CONNECTION_ENDED is not one: there this program itself had closed it. */
const awayOnTheWire = new Set([
  "CONNECTION_CLOSED",
  "CONNECTION_DESTROYED",
  "CONNECT_TIMEOUT",
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
]);

function causesOf(error: unknown): Error[] {
  const causes: Error[] = [];
  for (let next = error; next instanceof Error && !causes.includes(next); next = next.cause)
    causes.push(next);
  return causes;
}

function connect(input: { url: string; log?: Logger | undefined }, role: string, max: number): postgres.Sql {
  if (/[?&]role=/.test(input.url)) {
    throw new UserError(
      "database-url-invalid",
      "DATABASE_URL: expected no role parameter, got one; the program chooses the role of each connection",
      "Take role=… out of DATABASE_URL.",
    );
  }
  return postgres(input.url, {
    max,
    idle_timeout: 60,
    connect_timeout: 10,
    // The library's own goes up to 20 s: a finished task would be saved long after the database is back.
    backoff: (retries: number) => Math.min(2, 0.1 * 2 ** retries),
    connection: {
      application_name: "remote-claude",
      role,
      // A worker that is frozen in the middle of a transaction must not keep everybody else from its rows.
      idle_in_transaction_session_timeout: idleInTransactionMs,
    },
    onnotice: (notice) => input.log?.debug({ notice }, "notice of PostgreSQL"),
  });
}

async function listen(
  client: postgres.Sql,
  channel: string,
  onPayload: (payload: string) => void,
  onListening?: () => void,
): Promise<() => Promise<void>> {
  let listening = true;
  const registered = await client.listen(
    channel,
    // After a reconnect the library no longer knows this listener as the one that it handed out.
    (payload) => (listening ? onPayload(payload) : undefined),
    () => (listening ? onListening?.() : undefined),
  );
  return async () => {
    listening = false;
    await registered.unlisten();
  };
}
