/** The part of node-postgres that is used here; its own package brings no types. */
declare module "pg" {
  import type { EventEmitter } from "node:events";

  export type QueryConfig = { text: string; values?: readonly unknown[] };
  export type QueryResult = { rows: Record<string, unknown>[]; rowCount: number | null };
  export type ClientConfig = {
    connectionString: string;
    application_name?: string;
    /** Server settings, as in `-c name=value`. */
    options?: string;
    keepAlive?: boolean;
    keepAliveInitialDelayMillis?: number;
    connectionTimeoutMillis?: number;
    /** A query is sent without waiting for the answer of the one before. */
    pipeline?: boolean;
  };

  export class Client extends EventEmitter {
    constructor(config: ClientConfig);
    connect(): Promise<void>;
    query(config: QueryConfig | string, values?: readonly unknown[]): Promise<QueryResult>;
    /** With `pipeline` it waits for what is under way, else it cuts the connection. */
    end(): Promise<void>;
  }

  export type PoolClient = Client & {
    release(destroy?: boolean): void;
    /** The way to leave a server that has fallen silent. */
    connection: { stream: { destroy(): void } };
  };

  export class Pool extends EventEmitter {
    constructor(config: ClientConfig & { max?: number; idleTimeoutMillis?: number });
    connect(): Promise<PoolClient>;
    end(): Promise<void>;
  }

  export class DatabaseError extends Error {
    code: string | undefined;
    constraint: string | undefined;
  }
}
