import { sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/node-postgres";
import type { PgDatabase, PgQueryResultHKT } from "drizzle-orm/pg-core";
import { UserError } from "../src/errors.ts";
import type { Logger } from "../src/log.ts";
import { withAudit } from "./audit.ts";
import { ConnectionPool } from "./connection-pool.ts";
import { listen } from "./listen.ts";
import * as schema from "./schema.ts";

/** What `execute` answers: the array of its rows. */
export interface RowsResult extends PgQueryResultHKT {
  type: this["row"][];
}

/** Queries of one role; a Tx may stand wherever only queries are made. */
export type Db = PgDatabase<RowsResult, typeof schema>;
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

const applicationName = "remote-claude";
const closeTimeoutMs = 5_000;
const queryTimeoutMs = 30_000;

/** The server gives up first, so that a query whose answer is lost does not go on by itself. */
const limits = {
  statement_timeout: "25s",
  // A worker that is frozen in the middle of a transaction must not keep everybody else from its rows.
  idle_in_transaction_session_timeout: "30s",
};

/** Opens two pools on one database; connects at the first query. `url` is that of the owner, who ran the migrations. */
export function openDatabase(input: { url: string; log?: Logger | undefined }): Database {
  if (/[?&]role=/.test(input.url)) {
    throw new UserError(
      "database-url-invalid",
      "DATABASE_URL: expected no role parameter, got one; the program chooses the role of each connection.",
      "Take role=… out of DATABASE_URL.",
    );
  }
  const { url } = input;
  const onLost = (err: Error) => input.log?.warn({ err }, "a connection to PostgreSQL was lost");
  const open = (role: string, max: number) =>
    new ConnectionPool({
      url,
      max,
      applicationName,
      settings: { role, ...limits },
      idleTimeoutMs: 60_000,
      queryTimeoutMs,
      onLost,
    });
  const app = open("remote_claude_app", 10);
  const system = open("remote_claude_system", 5);
  return {
    db: toDb(app),
    system: toDb(system),
    listen: (channel, onPayload, onListening) =>
      listen(
        { url, applicationName, settings: { role: "remote_claude_app" }, channel },
        { onPayload, onListening, onLost },
      ),
    url,
    close: async () => {
      await Promise.all([app.close(closeTimeoutMs), system.close(closeTimeoutMs)]);
    },
  };
}

/** drizzle's types know the library's pool only; this one answers its calls with an array more. */
function toDb(pool: ConnectionPool): Db {
  return drizzle({ client: pool as never, schema });
}

/** A transaction that sees and writes the rows of this account only. */
export async function withAccount<T>(db: Db, accountId: string, run: (tx: Tx) => Promise<T>): Promise<T> {
  return db.transaction(async (tx) => {
    // Without a parameter, so that it goes out together with the `begin` and the first question.
    await tx.execute(sql.raw(`select set_config('app.account_id', '${toUuid(accountId)}', true)`));
    return withAudit(tx, run);
  });
}

function toUuid(id: string): string {
  if (/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id)) return id;
  throw new TypeError(`expected an account's id, got ${JSON.stringify(id)}`);
}

/** Whether a unique index or constraint (of this name, where given) refused the row. */
export function isUniqueViolation(error: unknown, constraint?: string): boolean {
  return causesOf(error).some(
    (cause) =>
      codeOf(cause) === "23505" &&
      (constraint === undefined || ("constraint" in cause && cause.constraint === constraint)),
  );
}

/** Whether the database was away rather than unwilling: the same call may pass later, and may have had its effect. */
export function isConnectionError(error: unknown): boolean {
  return causesOf(error).some((cause) => {
    const code = codeOf(cause);
    return away.test(code) || awayOnTheWire.has(code);
  });
}

/** Connection exceptions, idle in a transaction for too long, too many connections, shutdown, crash, starting up: PostgreSQL's appendix A. */
const away = /^(08...|25P03|53300|57P0[1-5])$/;

/** Codes of ours, of node's sockets and of postgres.js; not its CONNECTION_ENDED: there this program itself had closed it. */
const awayOnTheWire = new Set([
  "DATABASE_AWAY",
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

const codeOf = (error: Error): string =>
  "code" in error && typeof error.code === "string" ? error.code : "";
