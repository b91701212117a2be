import { open, type FileHandle } from "node:fs/promises";
import { beginDigest, magic, maxTableBytes, partTable, type PartEntry } from "./parts-format.ts";
import { readChunks } from "./read-chunks.ts";
import { writeFully } from "./write-fully.ts";
import { writeThenMove } from "./write-then-move.ts";

/**
 * Puts files into one, under names of `[a-z0-9.-]{1,64}` that do not begin with a dot; a TypeError for other names or
 * one that comes twice. Resolves with the size of the whole.
 */
export async function packParts(
  targetPath: string,
  parts: readonly { name: string; path: string }[],
): Promise<{ bytes: number }> {
  const sources: FileHandle[] = [];
  try {
    for (const { path } of parts) sources.push(await open(path, "r"));
    const sizes = await Promise.all(sources.map((source) => source.stat()));
    const table = checkTable(parts.map(({ name }, index) => ({ name, bytes: sizes[index]?.size ?? 0 })));
    return await writeThenMove(targetPath, async (target) => {
      await writeHead(target, table);
      for (const [index, entry] of table.entries()) {
        const source = sources[index];
        if (source !== undefined) await writePart(target, source, entry);
      }
      return { bytes: (await target.stat()).size };
    });
  } finally {
    for (const source of sources) await source.close();
  }
}

function checkTable(entries: PartEntry[]): PartEntry[] {
  const checked = partTable.safeParse(entries);
  if (checked.success) return checked.data;
  const names = entries.map(({ name }) => name);
  throw new TypeError(
    `Expected different names of small letters, digits, dots and dashes, got ${JSON.stringify(names)}.`,
  );
}

async function writeHead(target: FileHandle, table: readonly PartEntry[]): Promise<void> {
  const text = Buffer.from(JSON.stringify(table), "utf8");
  if (text.length > maxTableBytes) throw new TypeError(`Expected fewer parts, got ${table.length}.`);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(text.length);
  await writeFully(target, Buffer.concat([magic, length, text]));
}

async function writePart(target: FileHandle, source: FileHandle, entry: PartEntry): Promise<void> {
  const digest = beginDigest(entry);
  for await (const chunk of readChunks(source, { bytes: entry.bytes })) {
    digest.update(chunk);
    await writeFully(target, chunk);
  }
  await writeFully(target, digest.digest());
}
