import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { eq } from "drizzle-orm";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { uuidv7 } from "uuidv7";
import * as schema from "../../db/schema.ts";
import { checkpointKey, findLatestCheckpoint } from "../../src/sessions/checkpoint-store.ts";
import { expireCheckpoints } from "../../src/sessions/expire-checkpoints.ts";
import { createDiskStorage } from "../../src/storage/disk-storage.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { seedTenant, type Tenant } from "../db/seed.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

let database: TestDatabase;
let storage: Storage;
let tenant: Tenant;
let now: Date;
beforeEach(async () => {
  database = await createTestDatabase();
  onTestFinished(() => database.close());
  const directory = await temporaryFolder();
  storage = await createDiskStorage({ directory });
  tenant = await seedTenant(database.database.system);
  await database.database.system.delete(schema.checkpoint);
  now = new Date();
});

const dayMs = 86_400_000;
const retentionMs = 30 * dayMs;
const later = (days: number) => new Date(now.getTime() + days * dayMs);

const system = () => database.database.system;

const expire = () =>
  expireCheckpoints({
    system: system(),
    checkpoints: storage,
    clock: { now: () => now },
    log: { info: () => undefined } as never,
    config: { sandbox: { retentionMs } },
  });

async function store(key: string): Promise<void> {
  const path = join(await temporaryFolder(), "object");
  await writeFile(path, "sealed");
  await storage.put(key, { path });
}

async function addCheckpoint(): Promise<string> {
  const { accountId, sessionId, taskId } = tenant;
  const row = {
    ...{ id: uuidv7(), accountId, sessionId, taskId, fence: 1, bytes: 6 },
    ...{ baseSha: "0".repeat(40), treeSha: "1".repeat(40), claudeSessionId: crypto.randomUUID() },
  };
  await system().insert(schema.checkpoint).values(row);
  const key = checkpointKey(row);
  await store(key);
  return key;
}

const endTask = () =>
  system()
    .update(schema.task)
    .set({ status: "completed", finishedAt: now })
    .where(eq(schema.task.id, tenant.taskId));

const endSession = (endedAt: Date) =>
  system()
    .update(schema.session)
    .set({ status: "terminated", endedAt })
    .where(eq(schema.session.id, tenant.sessionId));

async function keys(): Promise<string[]> {
  const found: string[] = [];
  for await (const { key } of storage.list("")) found.push(key);
  return found.sort();
}

test("the ten newest of an open session stay, older ones go", async () => {
  const made: string[] = [];
  for (let count = 0; count < 13; count++) made.push(await addCheckpoint());
  await endTask();
  expect(await expire()).toEqual({ expired: 3, strays: 0 });
  expect(await keys()).toEqual(made.slice(3).sort());
  const latest = await system().transaction((tx) => findLatestCheckpoint(tx, tenant.sessionId));
  expect(latest === null ? null : checkpointKey(latest)).toBe(made.at(-1));
});

test("nothing that a task under way may publish from goes", async () => {
  const made = await addCheckpoint();
  await endSession(now);
  expect(await expire()).toEqual({ expired: 0, strays: 0 });
  expect(await keys()).toEqual([made]);
  now = later(31);
  expect(await expire()).toEqual({ expired: 0, strays: 0 });
  await endTask();
  expect(await expire()).toEqual({ expired: 1, strays: 0 });
  expect(await keys()).toEqual([]);
});

test("a session that is over keeps its checkpoints for the retention time, as its pull request may be reopened", async () => {
  const made = await addCheckpoint();
  await endTask();
  await endSession(now);
  now = later(29);
  expect(await expire()).toEqual({ expired: 0, strays: 0 });
  expect(await keys()).toEqual([made]);
  now = later(2);
  expect(await expire()).toEqual({ expired: 1, strays: 0 });
  expect(await keys()).toEqual([]);
});

test("a session that ended because nobody came back for the retention time leaves nothing", async () => {
  await addCheckpoint();
  await endTask();
  now = later(31);
  await endSession(now);
  expect(await expire()).toEqual({ expired: 1, strays: 0 });
});

test("an object without a row goes after a day; what is not named like ours stays", async () => {
  const known = await addCheckpoint();
  const stray = `${tenant.accountId}/${tenant.sessionId}/${uuidv7()}`;
  await store(stray);
  await store("somebody/elses");
  expect(await expire()).toEqual({ expired: 0, strays: 0 });
  now = new Date(now.getTime() + 25 * 3_600_000);
  expect(await expire()).toEqual({ expired: 0, strays: 1 });
  expect(await keys()).toEqual([known, "somebody/elses"].sort());
});

test("a storage that fails is told, and nothing is forgotten", async () => {
  await addCheckpoint();
  await endTask();
  await system().update(schema.session).set({ status: "failed", endedAt: now });
  now = later(31);
  const broken: Storage = { ...storage, remove: () => Promise.reject(new Error("the disk is gone")) };
  const expiring = expireCheckpoints({
    system: system(),
    checkpoints: broken,
    clock: { now: () => now },
    log: { info: () => undefined } as never,
    config: { sandbox: { retentionMs } },
  });
  await expect(expiring).rejects.toThrow("the disk is gone");
  expect(await system().transaction((tx) => findLatestCheckpoint(tx, tenant.sessionId))).not.toBeNull();
});
