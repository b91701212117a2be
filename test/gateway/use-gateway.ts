import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import type { Database } from "../../db/client.ts";
import { startModel, type ModelStandin } from "../standins/model/start-model.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { createTurn, modelKey, startGateway, type TestGateway } from "./fixture.ts";

type Options = Partial<Parameters<typeof startGateway>[1]> & { database?: Database };

export type Rig = {
  /** Of the owner of this file's database. */
  databaseUrl: string;
  database: Database;
  model: ModelStandin;
  gateway: TestGateway;
  /** A running task with a token. */
  newTurn: (values?: Parameters<typeof createTurn>[1]) => ReturnType<typeof createTurn>;
  /** Replaces the gateway by one that differs in this. */
  reopen: (options: Options) => Promise<void>;
};

/** A model and a gateway of its own for each test of a file, on one database; what it returns changes with the test. */
export function useGateway(): Rig {
  let own: TestDatabase;
  const rig = {} as Rig;
  beforeAll(async () => {
    own = await createTestDatabase();
    rig.databaseUrl = own.url;
    rig.database = own.database;
    rig.newTurn = (values) => createTurn(own.database, values);
    rig.reopen = async ({ database = own.database, ...options }) => {
      await rig.gateway.close();
      rig.gateway = await startGateway(database, { baseUrl: rig.model.url, ...options });
    };
  });
  afterAll(() => own.close());
  beforeEach(async () => {
    rig.model = await startModel({ keys: [modelKey] });
    rig.gateway = await startGateway(own.database, { baseUrl: rig.model.url });
  });
  afterEach(async () => {
    await rig.gateway.close();
    await rig.model.close();
  });
  return rig;
}
