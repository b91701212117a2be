import { randomBytes } from "node:crypto";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished } from "vitest";
import { createS3Storage } from "../../src/storage/s3-storage.ts";
import type { Storage, StoredObject } from "../../src/storage/storage.ts";
import { startS3, type S3Options } from "../standins/s3/start-s3.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

/** Soon, so that a test of four tries takes no time, and long enough for a busy machine. */
export const hasty = { attempts: 4, firstPauseMs: 1, stallMs: 20_000 };

/** Files to store, and a place for what comes back. */
export async function openDesk() {
  const folder = await temporaryFolder();
  let count = 0;
  return {
    folder,
    file: async (content: string | Buffer) => {
      const path = join(folder, `source-${(count += 1)}`);
      await writeFile(path, content);
      return { path };
    },
    target: join(folder, "target"),
    /** What has come to be in the folder beside the sources. */
    leftovers: async () => (await readdir(folder)).filter((name) => !name.startsWith("source-")),
  };
}

export type LogLine = { fields: unknown; text: string };

/** A logger that keeps what it is told. */
export function keepLog() {
  const lines: LogLine[] = [];
  const keep = (fields: unknown, text?: string) => void lines.push({ fields, text: text ?? "" });
  return { lines, log: { info: keep, warn: keep } };
}

/** An S3 storage in front of a stand-in; the test fails when anything was asked that S3 would not understand. */
export async function setUpS3(options: S3Options = {}, patience = hasty) {
  const s3 = await startS3(options);
  onTestFinished(async () => {
    await s3.close();
    expect(s3.violations).toEqual([]);
  });
  const { lines, log } = keepLog();
  return { s3, lines, log, storage: createS3Storage(s3, { log, patience }) };
}

export async function listAll(storage: Storage, prefix: string): Promise<StoredObject[]> {
  const objects: StoredObject[] = [];
  for await (const object of storage.list(prefix)) objects.push(object);
  return objects.sort((a, b) => (a.key < b.key ? -1 : 1));
}

export async function listKeys(storage: Storage, prefix: string): Promise<string[]> {
  return (await listAll(storage, prefix)).map(({ key }) => key);
}

export const newKey = () => randomBytes(32);

/** Everything an error says, with its causes. */
export function tellAll(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const own = Object.entries(error).map(([name, value]) => `${name}=${String(value)}`);
  return [error.name, error.message, error.stack ?? "", ...own, tellAll(error.cause)].join("\n");
}
