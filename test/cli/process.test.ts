import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openDatabase } from "../../db/client.ts";
import { migrateUp } from "../../db/migrate.ts";
import { startEmbeddedPostgres, type EmbeddedPostgres } from "../../src/embedded-postgres.ts";
import { seedRepository, seedSession, seedTask } from "./seed.ts";

const script = fileURLToPath(new URL("../../src/cli.ts", import.meta.url));
const prompt = `${"a long prompt ".repeat(200_000)}\n`;

let folder: string;
let postgres: EmbeddedPostgres;
let taskId: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "rc-cli-"));
  postgres = await startEmbeddedPostgres({ dataDir: join(folder, "data"), settings: { fsync: "off" } });
  await migrateUp(postgres.url);
  const database = openDatabase({ url: postgres.url });
  const at = await seedRepository(database, { owner: "acme", name: "widgets" });
  taskId = await seedTask(database, { ...at, sessionId: await seedSession(database, at) }, { prompt });
  await database.close();
});
afterAll(async () => {
  await postgres.stop();
  await rm(folder, { recursive: true });
});

/** The command as a process of its own, in the bot's folder. */
function start(args: readonly string[], env: Record<string, string> = {}) {
  return spawn(process.execPath, [script, ...args], {
    cwd: folder,
    env: { PATH: process.env.PATH, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

async function run(args: readonly string[], env?: Record<string, string>) {
  const child = start(args, env);
  const [out, err, [exitCode]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "close") as Promise<[number | null]>,
  ]);
  return { out, err, exitCode };
}

describe("remote-claude", () => {
  test("joins the PostgreSQL that the bot of this folder runs, and writes the whole answer", async () => {
    const { out, err, exitCode } = await run(["show", "--json", taskId]);
    expect({ err, exitCode }).toEqual({ err: "", exitCode: 0 });
    expect((JSON.parse(out) as { prompt: string }).prompt).toBe(prompt);
  });

  test("reads .env, and lets the environment win", async () => {
    await writeFile(join(folder, ".env"), "DATA_DIR=./elsewhere\n");
    const fromFile = await run(["tasks", "--json"]);
    expect(fromFile).toMatchObject({ out: "", exitCode: 1 });
    expect(fromFile.err).toContain("./elsewhere");
    expect(await run(["tasks", "--json"], { DATA_DIR: "./data" })).toMatchObject({ err: "", exitCode: 0 });
    await rm(join(folder, ".env"));
  });

  test("ends quietly when its reader has read enough", async () => {
    const child = start(["show", taskId]);
    const err = text(child.stderr);
    await once(child.stdout, "data");
    child.stdout.destroy();
    const [exitCode] = (await once(child, "close")) as [number | null];
    expect({ err: await err, exitCode }).toEqual({ err: "", exitCode: 0 });
  });

  test("explains a configuration that is wrong", async () => {
    const { err, exitCode } = await run(["tasks"], { PORT: "many" });
    expect(exitCode).toBe(1);
    expect(err).toMatch(/PORT: .*got "many"/);
    expect(err).not.toMatch(/\n {4}at /);
  });

  test("tells its version and its commands", async () => {
    expect((await run(["--version"])).out).toMatch(/^\d+\.\d+\.\d+\n$/);
    const { out, exitCode } = await run(["--help"]);
    expect(exitCode).toBe(0);
    for (const command of ["tasks", "show", "session", "migrate", "doctor"])
      expect(out).toContain(`  ${command}`);
  });
});
