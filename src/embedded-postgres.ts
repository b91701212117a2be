import { existsSync } from "node:fs";
import { realpath, rename } from "node:fs/promises";
import { createConnection } from "node:net";
import { join } from "node:path";
import type { Logger } from "./log.ts";
import { findBinaries } from "./embedded-postgres/binaries.ts";
import { clusterDirOf, prepareCluster, superuser } from "./embedded-postgres/cluster.ts";
import {
  readConnectionFile,
  removeConnectionFile,
  writeConnectionFile,
} from "./embedded-postgres/connection-file.ts";
import { lockDataDir } from "./embedded-postgres/data-dir-lock.ts";
import { endOrphan, isAlive } from "./embedded-postgres/postmaster-pid.ts";
import {
  findFreePort,
  isPortFree,
  startPostmaster,
  type Postmaster,
  type PostmasterInput,
} from "./embedded-postgres/postmaster.ts";
import { supervisePostmaster } from "./embedded-postgres/supervise-postmaster.ts";
import { asUnprivileged } from "./embedded-postgres/unprivileged.ts";

export type EmbeddedPostgres = {
  /** Of the superuser, who owns the schema; the same for as long as this process lives. */
  url: string;
  /** Ends PostgreSQL and lets go of DATA_DIR. */
  stop(): Promise<void>;
};

const portTries = 5;

/**
 * Owns DATA_DIR and runs a PostgreSQL in it, on a loopback port, until `stop`: one that dies meanwhile is started again
 * on the same port, one that a killed bot left behind is ended first. `settings` are PostgreSQL's own.
 * Throws a UserError for everything that an operator can mend: a second bot, missing binaries, another major version.
 */
export async function startEmbeddedPostgres(input: {
  dataDir: string;
  log?: Logger | undefined;
  settings?: Readonly<Record<string, string>>;
}): Promise<EmbeddedPostgres> {
  const lock = lockDataDir(input.dataDir);
  try {
    const dataDir = await realpath(input.dataDir);
    const server = await startServer({ ...input, dataDir });
    return {
      url: server.url,
      stop: async () => {
        await server.stop();
        await removeConnectionFile(dataDir);
        lock.release();
      },
    };
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** The URL of the embedded PostgreSQL that a bot runs in this folder; null when none is running. */
export async function findEmbeddedPostgres(dataDir: string): Promise<string | null> {
  const connection = await readConnectionFile(dataDir);
  if (connection === null || !isAlive(connection.pid)) return null;
  return (await answers(connection.port)) ? connection.url : null;
}

async function startServer(input: {
  dataDir: string;
  log?: Logger | undefined;
  settings?: Readonly<Record<string, string>>;
}): Promise<EmbeddedPostgres> {
  const { dataDir, log } = input;
  const clusterDir = clusterDirOf(dataDir);
  const [binaries, wrap] = await Promise.all([findBinaries(), asUnprivileged()]);
  const { password } = await prepareCluster({ dataDir, binaries, wrap });
  const orphan = await endOrphan(clusterDir);
  if (orphan !== null) log?.warn(orphan, "ended the PostgreSQL that a killed bot had left behind");
  const logPath = join(dataDir, "postgres.log");
  if (existsSync(logPath)) await rename(logPath, `${logPath}.old`);

  const command = { binaries, wrap, clusterDir, logPath, settings: input.settings ?? {} };
  const first = await startOnFreePort(command);
  const url = `postgres://${superuser}:${password}@127.0.0.1:${first.port}/postgres`;
  const record = ({ pid }: Postmaster) =>
    writeConnectionFile(dataDir, { url, pid, port: first.port, version: binaries.version });
  await record(first.postmaster);
  log?.info(
    { pid: first.postmaster.pid, port: first.port, version: binaries.version },
    "the embedded PostgreSQL runs",
  );
  const stop = supervisePostmaster({ ...first, command: { ...command, port: first.port }, record, log });
  return { url, stop };
}

/** Somebody may take the port between the look and the start; then another one is looked for. */
async function startOnFreePort(
  command: Omit<PostmasterInput, "port">,
): Promise<{ postmaster: Postmaster; port: number }> {
  for (let tries = 1; ; tries += 1) {
    const port = await findFreePort();
    try {
      return { postmaster: await startPostmaster({ ...command, port }), port };
    } catch (error) {
      if (tries === portTries || (await isPortFree(port))) throw error;
    }
  }
}

async function answers(port: number): Promise<boolean> {
  const socket = createConnection(port, "127.0.0.1");
  return new Promise((resolve) => {
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
