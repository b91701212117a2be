import { mkdir, open, rename, rm, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../errors.ts";
import { explainDiskFault } from "./disk-fault.ts";
import { beginDigest, digestBytes, magic, maxTableBytes, partTable, type PartEntry } from "./parts-format.ts";
import { readChunks } from "./read-chunks.ts";
import { readFully } from "./read-fully.ts";
import { temporaryName } from "./temporary-name.ts";
import { writeFully } from "./write-fully.ts";

export type UnpackLimits = {
  maxParts: number;
  /** Of all parts together. */
  maxBytes: number;
};

export type UnpackedPart = { name: string; path: string; bytes: number };

/**
 * Takes apart what packParts made, into a folder that is made when missing, mode 0600. Every part is checked before the first one
 * appears. Throws a UserError: `parts-broken` for what nobody packed so, `parts-too-large` for more than the limits.
 */
export async function unpackParts(
  sourcePath: string,
  targetDirectory: string,
  limits: UnpackLimits,
): Promise<UnpackedPart[]> {
  const unfinished = join(targetDirectory, temporaryName());
  const source = await open(sourcePath, "r");
  try {
    const { table, dataAt } = await readHead(source, limits);
    await mkdir(unfinished, { mode: 0o700, recursive: true });
    let start = dataAt;
    for (const entry of table) {
      await writePart({ source, start, path: join(unfinished, entry.name), entry });
      start += entry.bytes + digestBytes;
    }
    const parts = table.map((entry) => ({ ...entry, path: join(targetDirectory, entry.name) }));
    for (const part of parts) await rename(join(unfinished, part.name), part.path);
    return parts;
  } catch (error) {
    throw explainDiskFault(error, targetDirectory);
  } finally {
    await source.close();
    await rm(unfinished, { recursive: true, force: true });
  }
}

/** The table, once it is known to describe the file to its last byte. */
async function readHead(
  source: FileHandle,
  limits: UnpackLimits,
): Promise<{ table: PartEntry[]; dataAt: number }> {
  const { size } = await source.stat();
  const head = Buffer.alloc(Math.min(magic.length + 4, size));
  await readFully(source, head, 0);
  if (head.length < magic.length + 4 || !head.subarray(0, magic.length).equals(magic)) {
    throw broken("it does not begin as one");
  }
  const tableBytes = head.readUInt32BE(magic.length);
  const dataAt = head.length + tableBytes;
  if (tableBytes > maxTableBytes || dataAt > size) throw broken("its table does not fit into it");
  const text = Buffer.alloc(tableBytes);
  await readFully(source, text, head.length);
  const table = readTable(text.toString("utf8"));
  const bytes = table.reduce((sum, entry) => sum + entry.bytes, 0);
  if (table.length > limits.maxParts || bytes > limits.maxBytes) throw tooLarge(table.length, bytes, limits);
  const expected = dataAt + bytes + table.length * digestBytes;
  if (size !== expected) throw broken(`its table speaks of ${expected} bytes, it has ${size}`);
  return { table, dataAt };
}

function readTable(text: string): PartEntry[] {
  const parsed = partTable.safeParse(parseJson(text));
  if (!parsed.success) throw broken("its table is none");
  return parsed.data;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

async function writePart(input: {
  source: FileHandle;
  start: number;
  path: string;
  entry: PartEntry;
}): Promise<void> {
  const { source, start, entry } = input;
  const digest = beginDigest(entry);
  const target = await open(input.path, "wx", 0o600);
  try {
    for await (const chunk of readChunks(source, { start, bytes: entry.bytes })) {
      digest.update(chunk);
      await writeFully(target, chunk);
    }
  } finally {
    await target.close();
  }
  const stored = Buffer.alloc(digestBytes);
  await readFully(source, stored, start + entry.bytes);
  if (!digest.digest().equals(stored)) throw broken(`the part ${entry.name} is not what was packed`);
}

function broken(what: string): UserError {
  return new UserError(
    "parts-broken",
    `Expected a file of packed parts; ${what}.`,
    "Go on without it; if it happens again, look at the disk or bucket that keeps it.",
  );
}

function tooLarge(parts: number, bytes: number, limits: UnpackLimits): UserError {
  return new UserError(
    "parts-too-large",
    `Expected at most ${limits.maxParts} parts and ${limits.maxBytes} bytes, got ${parts} and ${bytes}.`,
    "Raise CHECKPOINT_MAX_MB if that much is right.",
  );
}
