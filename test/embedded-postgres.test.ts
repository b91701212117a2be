import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Client } from "pg";
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { z } from "zod";
import {
  findEmbeddedPostgres,
  startEmbeddedPostgres,
  type EmbeddedPostgres,
} from "../src/embedded-postgres.ts";

const ownerScript = fileURLToPath(new URL("./support/embedded-postgres-owner.ts", import.meta.url));
const connectionFile = z.strictObject({
  url: z.string(),
  pid: z.number(),
  port: z.number(),
  version: z.string(),
});

let parent: string;
let dataDir: string;

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), "remote-claude-embedded-"));
  dataDir = join(parent, "data");
});

afterEach(() => rm(parent, { recursive: true }));

// Each test makes a cluster, which takes a second on an idle machine.
const timeout = 60_000;

describe("one owner", { timeout }, () => {
  test("keeps what was stored over a restart, on durable settings, without a trace of a crash", async () => {
    await running(async ({ url }) => {
      await query(url, "create table kept (n int)");
      await query(url, "insert into kept values (42)");
      expect(await query(url, "show fsync")).toEqual([{ fsync: "on" }]);
    });
    await running(async ({ url }) => {
      expect(await query(url, "select n from kept")).toEqual([{ n: 42 }]);
      expect(await readFile(join(dataDir, "postgres.log"), "utf8")).not.toMatch(/not properly shut down/);
    });
  });

  test("lets only the holder of postgres.json in, and nobody after it has stopped", async () => {
    await running(async ({ url }) => {
      expect(await findEmbeddedPostgres(dataDir)).toBe(url);
      const { pid, port, version } = await readConnection();
      expect(url).toContain(`127.0.0.1:${port}`);
      expect(version).toMatch(/^18\./);
      expect((await stat(join(dataDir, "postgres.json"))).mode & 0o777).toBe(0o600);
      await expect(query(url.replace(/:[^:@]+@/, ":wrong@"), "select 1")).rejects.toMatchObject({
        code: "28P01",
      });
      expect(pid).toBeGreaterThan(1);
    });
    expect(await findEmbeddedPostgres(dataDir)).toBeNull();
    expect(existsSync(join(dataDir, "postgres.json"))).toBe(false);
  });

  test("works in a folder whose path is too long for a socket", async () => {
    dataDir = join(parent, "long".repeat(40), "data");
    await running(async ({ url }) => expect(await query(url, "select 1 as one")).toEqual([{ one: 1 }]));
  });

  test("hands no variable of the bot's to PostgreSQL", async () => {
    vi.stubEnv("WEBHOOK_SECRET", "canary-in-the-environment");
    onTestFinished(() => void vi.unstubAllEnvs());
    await running(async () => {
      const { pid } = await readConnection();
      expect(await readFile(`/proc/${pid}/environ`, "utf8")).not.toContain("canary");
    });
  });

  test("starts over when an earlier start was killed while it made the cluster", async () => {
    await mkdir(join(dataDir, "postgres.new", "base"), { recursive: true });
    await writeFile(join(dataDir, "postgres.new", "PG_VERSION"), "18\n");
    await running(async ({ url }) => expect(await query(url, "select 1 as one")).toEqual([{ one: 1 }]));
  });
});

describe("after kill -9", { timeout }, () => {
  test("PostgreSQL comes back at the same url with its data", async () => {
    await running(async ({ url }) => {
      await query(url, "create table kept as select 42 as n");
      const { pid } = await readConnection();
      process.kill(pid, "SIGKILL");
      await vi.waitFor(async () => expect((await readConnection()).pid).not.toBe(pid), { timeout: 20_000 });
      expect(await query(url, "select n from kept")).toEqual([{ n: 42 }]);
      expect(await findEmbeddedPostgres(dataDir)).toBe(url);
    });
  });

  test("of its owner, the next start ends the orphan and has the data", async () => {
    const owner = await startOwner([]);
    await query(owner.url, "create table kept as select 42 as n");
    const orphan = await readConnection();
    owner.process.kill("SIGKILL");
    await once(owner.process, "exit");
    expect(await findEmbeddedPostgres(dataDir)).toBe(owner.url);
    await running(async ({ url }) => {
      expect((await readConnection()).pid).not.toBe(orphan.pid);
      await expect(query(owner.url, "select 1")).rejects.toMatchObject({ code: "ECONNREFUSED" });
      expect(await query(url, "select n from kept")).toEqual([{ n: 42 }]);
    });
  });

  test("of both, what they left names nobody, even where a stranger got the number", async () => {
    const owner = await startOwner([]);
    await query(owner.url, "create table kept as select 42 as n");
    const { pid } = await readConnection();
    owner.process.kill("SIGKILL");
    process.kill(pid, "SIGKILL");
    await once(owner.process, "exit");
    await vi.waitFor(async () => expect(await findEmbeddedPostgres(dataDir)).toBeNull());
    const mark = join(dataDir, "postgres", "postmaster.pid");
    await writeFile(mark, (await readFile(mark, "utf8")).replace(/^\d+/, String(process.pid)));
    await running(async ({ url }) => expect(await query(url, "select n from kept")).toEqual([{ n: 42 }]));
  });
});

describe("a refusal with its remedy", { timeout }, () => {
  test("for a second bot in this process and in another, without harm to the first", async () => {
    await running(async ({ url }) => {
      await expect(startEmbeddedPostgres({ dataDir })).rejects.toMatchObject({
        code: "data-dir-in-use",
        message: `Another bot is running on DATA_DIR ${dataDir}.`,
        remedy: expect.stringContaining("DATABASE_URL") as string,
      });
      expect(await firstLine(spawnOwner([]))).toEqual({ refused: "data-dir-in-use" });
      expect(await query(url, "select 1 as one")).toEqual([{ one: 1 }]);
    });
  });

  test("for a cluster of another major version, which it leaves as it is", async () => {
    await mkdir(join(dataDir, "postgres"), { recursive: true });
    await writeFile(join(dataDir, "postgres", "PG_VERSION"), "15\n");
    await expect(startEmbeddedPostgres({ dataDir })).rejects.toMatchObject({
      code: "embedded-postgres-version",
      message: expect.stringContaining("PostgreSQL 15, and this release brings 18") as string,
      remedy: expect.stringContaining("pg_dump") as string,
    });
    expect(await readFile(join(dataDir, "postgres", "PG_VERSION"), "utf8")).toBe("15\n");
  });

  test("for settings that PostgreSQL does not take, in its own words, and the folder is free again", async () => {
    await expect(
      startEmbeddedPostgres({ dataDir, settings: { shared_buffers: "many" } }),
    ).rejects.toMatchObject({
      code: "embedded-postgres-failed",
      message: expect.stringContaining('invalid value for parameter "shared_buffers": "many"') as string,
    });
    await running(async ({ url }) => expect(await query(url, "select 1 as one")).toEqual([{ one: 1 }]));
  });

  test("as root where there are no user namespaces", async () => {
    const owner = spawnOwner(["unshare", "--user", "--map-root-user", "--"], ["--without-user-namespaces"]);
    expect(await firstLine(owner)).toEqual({ refused: "embedded-postgres-as-root" });
  });
});

test("a normal user runs it the same way", { timeout }, async () => {
  const becomeUser =
    process.getuid?.() === 0 ? ["unshare", "--user", "--map-user=1000", "--map-group=1000", "--"] : [];
  const owner = await startOwner(becomeUser);
  expect(owner.uid).not.toBe(0);
  expect(await query(owner.url, "select 1 as one")).toEqual([{ one: 1 }]);
  await stopOwner(owner.process);
});

test(
  "a Ctrl-C reaches the bot and not PostgreSQL, which the bot ends when it has drained",
  { timeout },
  async () => {
    const owner = await startOwner([]);
    const draining = firstLine(owner.process);
    process.kill(-(owner.process.pid ?? Number.NaN), "SIGINT");
    expect(await draining).toEqual({ draining: true });
    expect(await query(owner.url, "select 1 as one")).toEqual([{ one: 1 }]);
    await stopOwner(owner.process);
    expect(await findEmbeddedPostgres(dataDir)).toBeNull();
  },
);

async function running(run: (server: EmbeddedPostgres) => Promise<void>): Promise<void> {
  const server = await startEmbeddedPostgres({ dataDir });
  try {
    await run(server);
  } finally {
    await server.stop();
  }
}

async function query(url: string, text: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  client.on("error", () => void client.end());
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

async function readConnection(): Promise<z.infer<typeof connectionFile>> {
  return connectionFile.parse(JSON.parse(await readFile(join(dataDir, "postgres.json"), "utf8")));
}

/** In a process group of its own, as a terminal would start it. */
function spawnOwner(before: readonly string[], options: readonly string[] = []): ChildProcess {
  const [program = "", ...args] = [...before, process.execPath, ownerScript, dataDir, ...options];
  return spawn(program, args, { stdio: ["ignore", "pipe", "inherit"], detached: true });
}

async function startOwner(
  before: readonly string[],
): Promise<{ process: ChildProcess; url: string; uid: number }> {
  const child = spawnOwner(before);
  const said = z.strictObject({ url: z.string(), uid: z.number() }).parse(await firstLine(child));
  return { process: child, ...said };
}

async function firstLine(child: ChildProcess): Promise<unknown> {
  if (child.stdout === null) throw new Error("expected a pipe to the owner's standard output");
  const lines = createInterface({ input: child.stdout });
  const [line] = (await once(lines, "line")) as [string];
  return JSON.parse(line);
}

async function stopOwner(child: ChildProcess): Promise<void> {
  child.kill("SIGTERM");
  const [code] = (await once(child, "exit")) as [number | null];
  expect(code).toBe(0);
}
