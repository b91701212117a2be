import { createHash } from "node:crypto";
import { open, type FileHandle } from "node:fs/promises";
import type { Logger } from "../log.ts";
import type { S3Config } from "../sandbox-settings.ts";
import { readChunks } from "./read-chunks.ts";
import { readS3Address } from "./s3-address.ts";
import { readText } from "./read-text.ts";
import type { S3Answer } from "./s3-exchange.ts";
import { createS3Client, type S3Client, type S3Patience } from "./s3-client.ts";
import { explainS3Fault } from "./explain-s3-fault.ts";
import { S3Fault } from "./s3-fault.ts";
import { parseS3ListPage } from "./s3-list-page.ts";
import { checkStorageKey, isStorageKey, keyStart } from "./storage-key.ts";
import type { Storage, StoredObject } from "./storage.ts";
import { writeFully } from "./write-fully.ts";
import { writeThenMove } from "./write-then-move.ts";

const defaultPatience: S3Patience = { attempts: 4, firstPauseMs: 500, stallMs: 60_000 };

/**
 * Keeps objects in a bucket of an S3-compatible service, addressed by path. One PUT an object, so 5 GiB is the most. A
 * call that failed for a reason that may pass is repeated a few times before it becomes a TransientError.
 */
export function createS3Storage(
  config: S3Config,
  deps: { log: Pick<Logger, "warn">; patience?: S3Patience },
): Storage {
  const { bucketUrl, name } = readS3Address(config.url);
  const patience = deps.patience ?? defaultPatience;
  const call = createS3Client(config, { log: deps.log, patience });
  const explained = async <Result>(work: Promise<Result>): Promise<Result> => {
    try {
      return await work;
    } catch (error) {
      throw error instanceof S3Fault ? explainS3Fault(error, name) : error;
    }
  };
  const urlOf = (key: string) => {
    checkStorageKey(key);
    return `${bucketUrl}/${key}`;
  };
  return {
    put: async (key, file) => {
      const url = urlOf(key);
      const oneTry = createS3Client(config, { log: deps.log, patience: { ...patience, attempts: 1 } });
      return await explained(sayingWhy(upload(call, url, file.path), oneTry, bucketUrl));
    },
    get: async (key, targetPath) => await explained(download(call, urlOf(key), targetPath)),
    remove: async (key) => {
      const url = urlOf(key);
      await explained(unlessMissing(call({ method: "DELETE", url }, () => Promise.resolve())));
    },
    list: (prefix) => listBucket((url) => explained(readPage(call, url)), bucketUrl, keyStart(prefix)),
  };
}

async function upload(call: S3Client, url: string, path: string): Promise<{ bytes: number }> {
  const file = await open(path, "r");
  try {
    const { size: bytes } = await file.stat();
    const sha256 = await hashFile(file, bytes);
    const payload = { bytes, sha256, read: () => readChunks(file, { bytes }) };
    return await call({ method: "PUT", url, payload }, () => Promise.resolve({ bytes }));
  } finally {
    await file.close();
  }
}

async function hashFile(file: FileHandle, bytes: number): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of readChunks(file, { bytes })) hash.update(chunk);
  return hash.digest("hex");
}

/** A service that refuses an upload may hang up before its refusal is read; a small question brings the reason out. */
async function sayingWhy<Result>(work: Promise<Result>, call: S3Client, bucketUrl: string): Promise<Result> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof S3Fault) || error.status !== null) throw error;
    const reason = await refusalOf(readPage(call, `${bucketUrl}?list-type=2&max-keys=1`));
    throw reason === null || reason.status === null ? error : reason;
  }
}

async function refusalOf(question: Promise<unknown>): Promise<S3Fault | null> {
  try {
    await question;
    return null;
  } catch (error) {
    return error instanceof S3Fault ? error : null;
  }
}

async function download(call: S3Client, url: string, targetPath: string): Promise<{ bytes: number } | null> {
  return await unlessMissing(
    call({ method: "GET", url }, (answer) =>
      writeThenMove(targetPath, async (target) => {
        let bytes = 0;
        for await (const chunk of answer.body()) {
          await writeFully(target, chunk);
          bytes += chunk.length;
        }
        checkLength(answer, bytes);
        return { bytes };
      }),
    ),
  );
}

function checkLength(answer: S3Answer, bytes: number): void {
  const announced = answer.headers["content-length"];
  if (announced === String(bytes)) return;
  const cause = new Error(`Expected ${announced ?? "an announced number of"} bytes, got ${bytes}.`);
  throw new S3Fault({ status: null, code: "IncompleteAnswer" }, { cause });
}

/** Only S3's own word for it counts: a 404 of anything else on the way does not mean that nothing is stored. */
async function unlessMissing<Result>(work: Promise<Result>): Promise<Result | null> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof S3Fault && error.code === "NoSuchKey") return null;
    throw error;
  }
}

/** A page holds at most 1000 objects of some 500 bytes. */
const maxPageBytes = 8 * 2 ** 20;

async function readPage(call: S3Client, url: string) {
  return await call({ method: "GET", url }, async (answer) =>
    parseS3ListPage(await readText(answer.body(), maxPageBytes)),
  );
}

async function* listBucket(
  read: (url: string) => ReturnType<typeof readPage>,
  bucketUrl: string,
  start: string,
): AsyncGenerator<StoredObject> {
  let token: string | null = null;
  do {
    const query = new URLSearchParams({ "list-type": "2", prefix: start, "max-keys": "1000" });
    if (token !== null) query.set("continuation-token", token);
    const page = await read(`${bucketUrl}?${query.toString()}`);
    if (page.nextToken !== null && page.nextToken === token) {
      throw new Error("Expected the next page of a list, got the token of the same one.");
    }
    for (const object of page.objects) if (isStorageKey(object.key)) yield object;
    token = page.nextToken;
  } while (token !== null);
}
