import { pino } from "pino";
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import type { Database } from "../../db/client.ts";
import { readConfig } from "../../src/config.ts";
import { startServer, type RunningServer } from "../../src/server.ts";
import { startModel, type ModelStandin } from "../standins/model/start-model.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { secret } from "../webhooks/send-delivery.ts";
import { testPrivateKey } from "../webhooks/test-private-key.ts";
import { createTurn, modelKey } from "./fixture.ts";

export type RouteRig = {
  /** Of the owner of this file's database. */
  databaseUrl: string;
  database: Database;
  model: ModelStandin;
  server: RunningServer;
  /** Every line of the server's log. */
  logged: string[];
  /** A running task with a token, and where its sandbox would find the model. */
  newTurn: (
    values?: Parameters<typeof createTurn>[1],
  ) => Promise<Awaited<ReturnType<typeof createTurn>> & { url: string }>;
  /** May be called again; after it every call is settled. */
  close: () => Promise<void>;
  /** Another server on the same database and model. */
  start: (env: Record<string, string>) => Promise<RunningServer>;
};

const remote = {
  SANDBOX_PROVIDER: "e2b",
  E2B_API_KEY: "e2b_test",
  PUBLIC_URL: "https://claude.example.com",
};

/** The server as it is started for sandboxes elsewhere, with a model of its own for each test of a file. */
export function useRoute(): RouteRig {
  let own: TestDatabase;
  const servers: RunningServer[] = [];
  const rig = {} as RouteRig;
  beforeAll(async () => {
    own = await createTestDatabase();
    rig.databaseUrl = own.url;
    rig.database = own.database;
    rig.newTurn = async (values) => {
      const turn = await createTurn(own.database, values);
      return { ...turn, url: `${rig.server.url}/gateway/${turn.taskId}` };
    };
    rig.start = async (env) => {
      const config = readConfig({
        APP_ID: "1",
        PRIVATE_KEY: testPrivateKey,
        WEBHOOK_SECRET: secret,
        DATABASE_URL: own.url,
        HOST: "127.0.0.1",
        PORT: "0",
        ANTHROPIC_API_KEY: modelKey,
        ANTHROPIC_BASE_URL: rig.model.url,
        ...env,
      });
      const log = pino({ level: "trace" }, { write: (line: string) => void rig.logged.push(line) });
      const server = await startServer({ config, log });
      servers.push(server);
      return server;
    };
  });
  afterAll(() => own.close());
  beforeEach(async () => {
    rig.logged = [];
    rig.model = await startModel({ keys: [modelKey] });
    rig.server = await rig.start(remote);
    let closing: Promise<void> | undefined;
    const { server } = rig;
    rig.close = () =>
      (closing ??= server.close().then(() => void servers.splice(servers.indexOf(server), 1)));
  });
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.close()));
    await rig.model.close();
  });
  return rig;
}
