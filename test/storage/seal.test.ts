import { readFile, readdir, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { UserError } from "../../src/errors.ts";
import { openSealed } from "../../src/storage/open-sealed.ts";
import { sealFile } from "../../src/storage/seal-file.ts";
import { SealError } from "../../src/storage/seal-error.ts";
import { plainBytes } from "../../src/storage/seal-format.ts";
import { newKey, openDesk } from "./storage-stage.ts";

const chunk = 2 ** 18;
const sealedChunk = chunk + 16;
const header = 48;

async function setUp(plain: Buffer) {
  const desk = await openDesk();
  const key = newKey();
  const sealedPath = join(desk.folder, "source-sealed");
  const input = { key, context: "a/1", sourcePath: (await desk.file(plain)).path, targetPath: sealedPath };
  const { bytes } = await sealFile(input);
  const sealed = await readFile(sealedPath);
  expect(bytes).toBe(sealed.length);
  const unseal = async (content: Buffer, change: { keys?: Buffer[]; context?: string } = {}) => {
    await writeFile(sealedPath, content);
    const [keys, context] = [change.keys ?? [key], change.context ?? "a/1"];
    return await openSealed({ keys, context, sourcePath: sealedPath, targetPath: desk.target });
  };
  return { ...desk, key, sealed, unseal, input };
}

/** Chunks that differ, so that every exchange is one. */
function plainOf(bytes: number): Buffer {
  return Buffer.from(
    Array.from({ length: bytes }, (_, index) => (index * 7 + Math.floor(index / chunk)) % 251),
  );
}

test.each([0, 1, chunk - 1, chunk, chunk + 1, 3 * chunk])(
  "%i bytes open as they were sealed",
  async (bytes) => {
    const plain = plainOf(bytes);
    const { sealed, unseal, target } = await setUp(plain);
    expect(plainBytes(sealed.length)).toBe(bytes);
    expect(await unseal(sealed)).toEqual({ bytes });
    expect((await readFile(target)).equals(plain)).toBe(true);
    expect((await stat(target)).mode & 0o777).toBe(0o600);
  },
);

test("nothing of the content shows, and the same content never looks the same", async () => {
  const { sealed, input } = await setUp(Buffer.alloc(chunk * 2, "a secret that repeats "));
  expect(sealed.includes("secret")).toBe(false);
  expect(sealed.includes(input.key)).toBe(false);
  const [one, two] = [sealed.subarray(header, header + chunk), sealed.subarray(header + sealedChunk, -16)];
  expect(one.equals(two)).toBe(false);
  await sealFile(input);
  const again = await readFile(input.targetPath);
  const body = (file: Buffer) => file.subarray(header, header + chunk);
  expect(body(again).equals(body(sealed))).toBe(false);
  expect(again.subarray(16, header).equals(sealed.subarray(16, header))).toBe(false);
});

async function expectBroken(
  attempt: Promise<unknown>,
  desk: { leftovers: () => Promise<string[]> },
  fault = "broken",
) {
  const error: unknown = await attempt.catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(SealError);
  expect(error).toBeInstanceOf(UserError);
  expect(error).toMatchObject({ fault, code: `seal-${fault}` });
  expect(await desk.leftovers()).toEqual([]);
}

test(
  "every bit of header, lengths and tags is guarded, and bits of every chunk",
  { timeout: 60_000 },
  async () => {
    const desk = await setUp(plainOf(2 * chunk + 100));
    const { sealed, unseal } = desk;
    const places = [
      ...Array.from({ length: header + 4 }, (_, index) => index),
      header + chunk - 1,
      ...Array.from({ length: 16 }, (_, index) => header + chunk + index),
      header + sealedChunk,
      header + sealedChunk * 2,
      ...Array.from({ length: 17 }, (_, index) => sealed.length - 1 - index),
    ];
    for (const place of places) {
      const changed = Buffer.from(sealed);
      changed[place] = (changed[place] ?? 0) ^ 0x80;
      await expectBroken(
        unseal(changed),
        desk,
        place === 7 ? "newer" : place >= 8 && place < 16 ? "wrong-key" : "broken",
      );
    }
    for (const bit of [1, 2, 4, 8, 16, 32, 64, 128]) {
      const changed = Buffer.from(sealed);
      changed[header] = (changed[header] ?? 0) ^ bit;
      await expectBroken(unseal(changed), desk);
    }
  },
);

test("a file that was cut off anywhere does not open", { timeout: 60_000 }, async () => {
  const desk = await setUp(plainOf(2 * chunk + 100));
  const { sealed, unseal } = desk;
  const ends = [0, 1, 7, 8, 47, 48, 49, 63, 64, 65, header + sealedChunk - 1];
  const atChunks = [1, 2].flatMap((count) =>
    [-17, -16, -1, 0, 1, 15, 16, 17].map((by) => header + count * sealedChunk + by),
  );
  for (const end of [...ends, ...atChunks, sealed.length - 1])
    await expectBroken(unseal(sealed.subarray(0, end)), desk);
});

test("a file of whole chunks that lost the last one does not open", async () => {
  const desk = await setUp(plainOf(3 * chunk));
  await expectBroken(desk.unseal(desk.sealed.subarray(0, header + 2 * sealedChunk)), desk);
});

const parts = (sealed: Buffer) => ({
  head: sealed.subarray(0, header),
  one: sealed.subarray(header, header + sealedChunk),
  two: sealed.subarray(header + sealedChunk, header + 2 * sealedChunk),
  rest: sealed.subarray(header + 2 * sealedChunk),
});

test.each<[string, (sealed: Buffer) => Buffer[]]>([
  ["exchanged chunks", (s) => [parts(s).head, parts(s).two, parts(s).one, parts(s).rest]],
  ["a chunk twice", (s) => [parts(s).head, parts(s).one, parts(s).one, parts(s).rest]],
  ["a chunk more", (s) => [parts(s).head, parts(s).one, parts(s).two, parts(s).two, parts(s).rest]],
  ["a chunk less", (s) => [parts(s).head, parts(s).one, parts(s).rest]],
  ["the last chunk first", (s) => [parts(s).head, parts(s).rest]],
  ["a byte behind the end", (s) => [s, Buffer.of(0)]],
  ["a tag behind the end", (s) => [s, Buffer.alloc(16)]],
  ["a chunk behind the end", (s) => [s, parts(s).two]],
  ["the whole behind itself", (s) => [s, s]],
  ["nothing before it", (s) => [s.subarray(1)]],
  ["no sealed file", () => [Buffer.from("PK\u0003\u0004 something else entirely".repeat(10))]],
  ["zeros", (s) => [Buffer.alloc(s.length)]],
])("%s does not open", async (_, change) => {
  const desk = await setUp(plainOf(2 * chunk + 100));
  await expectBroken(desk.unseal(Buffer.concat(change(desk.sealed))), desk);
});

test("a chunk of another file of the same key does not open", async () => {
  const desk = await setUp(plainOf(2 * chunk + 100));
  await sealFile(desk.input);
  const other = await readFile(desk.input.targetPath);
  const mixed = [parts(desk.sealed).head, parts(desk.sealed).one, parts(other).two, parts(desk.sealed).rest];
  await expectBroken(desk.unseal(Buffer.concat(mixed)), desk);
});

test.each(["a/2", "a", "a/1/", "", "a/11"])("what was sealed as a/1 does not open as %j", async (context) => {
  const desk = await setUp(plainOf(100));
  await expectBroken(desk.unseal(desk.sealed, { context }), desk);
});

test("another key is named as such, and says what to set", async () => {
  const desk = await setUp(plainOf(100));
  await expectBroken(desk.unseal(desk.sealed, { keys: [newKey(), newKey()] }), desk, "wrong-key");
  await expect(desk.unseal(desk.sealed, { keys: [newKey()] })).rejects.toMatchObject({
    message: expect.stringMatching(
      /^Expected a file sealed with our key \([0-9a-f]{16}\), got one of [0-9a-f]{16}\.$/,
    ) as unknown,
    remedy: expect.stringContaining("ENCRYPTION_KEY") as unknown,
  });
});

test("a fingerprint that was forged to ours does not make another key fit", async () => {
  const desk = await setUp(plainOf(100));
  const other = newKey();
  await sealFile({ ...desk.input, key: other });
  const foreign = await readFile(desk.input.targetPath);
  const forged = Buffer.concat([desk.sealed.subarray(0, 16), foreign.subarray(16)]);
  await expectBroken(desk.unseal(forged), desk);
});

test("every key of the list opens what it sealed", async () => {
  const desk = await setUp(plainOf(100));
  expect(await desk.unseal(desk.sealed, { keys: [newKey(), desk.key, newKey()] })).toEqual({ bytes: 100 });
});

test("what stood at the target stays when nothing opens", async () => {
  const desk = await setUp(plainOf(2 * chunk));
  await writeFile(desk.target, "as it was");
  const cut = desk.sealed.subarray(0, -1);
  await expect(desk.unseal(cut)).rejects.toThrow(SealError);
  expect(await readFile(desk.target, "utf8")).toBe("as it was");
  expect((await readdir(dirname(desk.target))).filter((name) => name.startsWith(".part-"))).toEqual([]);
});

test.each([0, 16, 31, 33, 64])("%i bytes are no key", async (bytes) => {
  const desk = await setUp(plainOf(1));
  await expect(sealFile({ ...desk.input, key: Buffer.alloc(bytes) })).rejects.toThrow(TypeError);
  await expect(desk.unseal(desk.sealed, { keys: [Buffer.alloc(bytes)] })).rejects.toThrow(TypeError);
});

test("a file sealed by the first version still opens", async () => {
  const desk = await openDesk();
  const sealed = Buffer.from(firstVersion.sealed, "base64");
  const { path: sourcePath } = await desk.file(sealed);
  const keys = [Buffer.alloc(32, 7)];
  await openSealed({ keys, context: "sessions/1/turn-1", sourcePath, targetPath: desk.target });
  expect(await readFile(desk.target, "utf8")).toBe("what was kept");
});

/** Made by version 1 and never to be made again: it stands for every checkpoint out there. */
const firstVersion = {
  sealed:
    "cmNzZWFsAAFKdfY5uBxsHgrR6cVY5905ss/0Ct7DL1JcqOEON5C/aLHEx8zg6DysVtplUJatl7hKvOY/l/bfaiLJ6Md67FsxiXBMMSo=",
};
