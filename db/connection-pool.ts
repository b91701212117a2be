import { DatabaseError, Pool, type PoolClient, type QueryConfig, type QueryResult } from "pg";
import { nameStatement } from "./name-statement.ts";

export type PoolOptions = {
  /** Settings of the server's for each connection; `role` among them. */
  settings: Readonly<Record<string, string>>;
  applicationName: string;
  url: string;
  max: number;
  /** How long a connection stays open without use, ms; 0 keeps it. */
  idleTimeoutMs: number;
  /** How long one query may take before its connection is given up, ms; 0 waits for ever. */
  queryTimeoutMs: number;
  onLost?: (error: Error) => void;
};

/** The database could not be reached, or was lost before it answered; the query may have had its effect. */
export class DatabaseAwayError extends Error {
  override readonly name = "DatabaseAwayError";
  readonly code = "DATABASE_AWAY";
}

/** An answer that is the array of its rows, and knows them by the names that drizzle looks for. */
export type Answer = Record<string, unknown>[] & QueryResult;

/**
 * What drizzle's node-postgres driver talks to (it tells a pool from a connection by "Pool" in the class's name).
 * Over the library's pool it adds what a server that comes and goes asks for: a connection lost while it is in
 * use neither ends the process nor stays in the pool, and every such loss is a DatabaseAwayError.
 */
export class ConnectionPool {
  readonly #pool: Pool;
  readonly #options: PoolOptions;
  #closed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#pool = new Pool({
      connectionString: withSettings(options.url, options.settings),
      application_name: options.applicationName,
      max: options.max,
      // Of a transaction the beginning and the first question go out together, and so do questions asked side by side.
      pipeline: true,
      idleTimeoutMillis: options.idleTimeoutMs,
      connectionTimeoutMillis: 10_000,
      keepAlive: true,
      keepAliveInitialDelayMillis: 10_000,
    });
    this.#pool.on("error", (error: Error) => options.onLost?.(error));
  }

  async connect(): Promise<PooledConnection> {
    if (this.#closed) throw new Error("expected an open database, but this program had closed it");
    let client: PoolClient;
    try {
      client = await this.#pool.connect();
    } catch (error) {
      throw toAway(error);
    }
    return new PooledConnection(client, this.#options);
  }

  async query(config: QueryConfig, values?: readonly unknown[]): Promise<Answer> {
    const connection = await this.connect();
    try {
      return await connection.query(config, values);
    } finally {
      connection.release();
    }
  }

  /** Takes no more queries and waits for the running ones, `timeoutMs` at most. */
  async close(timeoutMs: number): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, timeoutMs);
    });
    await Promise.race([this.#pool.end(), late]);
    clearTimeout(timer);
  }
}

/** One connection while somebody uses it. */
class PooledConnection {
  readonly #client: PoolClient;
  readonly #options: PoolOptions;
  #lost: Error | null = null;
  #released = false;
  /** A plan whose table was changed under it; it stays wrong as long as its connection. */
  #outdated = false;
  /** The beginning of a transaction in which nothing was asked yet. */
  #begin: string | null = null;

  constructor(client: PoolClient, options: PoolOptions) {
    this.#client = client;
    this.#options = options;
    client.on("error", this.#onError);
  }

  async query(config: QueryConfig, values: readonly unknown[] = []): Promise<Answer> {
    if (this.#holdsBack(config.text)) return toAnswer(nothing());
    const { queryTimeoutMs } = this.#options;
    const timer = queryTimeoutMs === 0 ? undefined : setTimeout(() => this.#giveUp(), queryTimeoutMs);
    try {
      if (this.#lost !== null) throw this.#lost;
      return toAnswer(await this.#send(config, values));
    } catch (error) {
      this.#outdated ||= isOutdatedPlan(error);
      if (this.#lost === null) throw error;
      this.release();
      // With the connection the transaction is gone: that is no second failure which hides the first.
      if (config.text === "rollback") return toAnswer(nothing());
      throw toAway(error);
    } finally {
      clearTimeout(timer);
    }
  }

  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#client.off("error", this.#onError);
    this.#client.release(this.#lost !== null || this.#outdated);
  }

  /** What says how a transaction runs waits for its first question; of one without a question the server hears nothing. */
  #holdsBack(text: string): boolean {
    if (/^begin\b/.test(text)) {
      this.#begin = text;
      return true;
    }
    if (this.#begin === null) return false;
    if (/^select set_config\(/.test(text)) {
      this.#begin += `; ${text}`;
      return true;
    }
    if (text !== "commit" && text !== "rollback") return false;
    this.#begin = null;
    return true;
  }

  async #send(config: QueryConfig, values: readonly unknown[]): Promise<QueryResult> {
    const name = values.length === 0 ? null : nameStatement(this.#client, config.text);
    const question = name === null ? config : { ...config, name };
    const begin = this.#begin;
    if (begin === null) return this.#client.query(question, [...values]);
    this.#begin = null;
    const [begun, answer] = await Promise.allSettled([
      this.#client.query(begin),
      this.#client.query(question, [...values]),
    ]);
    if (begun.status === "rejected") throw begun.reason;
    if (answer.status === "rejected") throw answer.reason;
    return answer.value;
  }

  #giveUp(): void {
    this.#lost = new Error(`no answer within ${this.#options.queryTimeoutMs} ms`);
    this.#client.connection.stream.destroy();
  }

  readonly #onError = (error: Error): void => {
    this.#lost ??= error;
    this.#options.onLost?.(error);
  };
}

/** "cached plan must not change result type": a migration changed what the statement answers. */
const isOutdatedPlan = (error: unknown) => error instanceof DatabaseError && error.code === "0A000";

/** What the server itself says keeps its code; a URL or password that is wrong is no outage. */
function toAway(error: unknown): unknown {
  if (error instanceof DatabaseError || error instanceof DatabaseAwayError) return error;
  const reason =
    error instanceof Error && error.message !== "" ? error.message : "the connection could not be made";
  return new DatabaseAwayError(`PostgreSQL cannot be reached: ${reason}`, { cause: error });
}

const nothing = (): QueryResult => ({ rows: [], rowCount: 0 });

function toAnswer({ rows, rowCount }: QueryResult): Answer {
  // Not enumerable: an array that contains itself would send whoever compares or prints it round in circles.
  return Object.defineProperties(rows, { rows: { value: rows }, rowCount: { value: rowCount } }) as Answer;
}

/** Into the URL, because what the URL says wins over every other option of the library's. */
export function withSettings(url: string, settings: Readonly<Record<string, string>>): string {
  const parsed = new URL(url);
  const given = parsed.searchParams.get("options");
  const ours = Object.entries(settings).map(([name, value]) => `-c ${name}=${value}`);
  if (given !== null || ours.length > 0) {
    parsed.searchParams.set("options", [...(given === null ? [] : [given]), ...ours].join(" "));
  }
  return parsed.href;
}
