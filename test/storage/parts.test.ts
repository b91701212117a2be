import { createHash } from "node:crypto";
import { chmod, mkdir, readFile, readdir, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { packParts } from "../../src/storage/pack-parts.ts";
import { unpackParts } from "../../src/storage/unpack-parts.ts";
import { openDesk } from "./storage-stage.ts";

const limits = { maxParts: 10, maxBytes: 10 * 2 ** 20 };

async function setUp(contents: Record<string, Buffer | string>) {
  const desk = await openDesk();
  const packedPath = join(desk.folder, "source-packed");
  const files: { name: string; path: string }[] = [];
  for (const [name, content] of Object.entries(contents))
    files.push({ name, path: (await desk.file(content)).path });
  const { bytes } = await packParts(packedPath, files);
  const packed = await readFile(packedPath);
  expect(bytes).toBe(packed.length);
  return {
    ...desk,
    packed,
    unpack: async (content: Buffer, within = limits) => {
      await writeFile(packedPath, content);
      return await unpackParts(packedPath, desk.target, within);
    },
    found: async () => await readdir(desk.target).catch(() => []),
  };
}

test.each<[string, Record<string, Buffer | string>]>([
  ["no parts", {}],
  ["an empty part", { empty: "" }],
  [
    "several",
    {
      "work.bundle": Buffer.alloc(700_000, 1),
      "transcript.jsonl": '{"a":1}\n',
      none: "",
      "a-1": Buffer.alloc(2 ** 18),
    },
  ],
])("%s come back as they were packed", async (_, contents) => {
  const { packed, unpack, target, found } = await setUp(contents);
  const parts = await unpack(packed);
  expect(parts).toEqual(
    Object.entries(contents).map(([name, content]) => ({
      name,
      path: join(target, name),
      bytes: content.length,
    })),
  );
  for (const { name, path } of parts) {
    expect((await readFile(path)).equals(Buffer.from(contents[name] ?? ""))).toBe(true);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  }
  expect((await found()).sort()).toEqual(Object.keys(contents).sort());
});

const noNames = [
  "",
  ".",
  "..",
  ".git",
  "../a",
  "a/b",
  "/a",
  "A",
  "a b",
  "a\0",
  "ä",
  "a\n",
  "a\\b",
  "a".repeat(65),
];

test.each(noNames)("%j is no name of a part", async (name) => {
  const { folder, file } = await setUp({});
  const { path } = await file("x");
  await expect(packParts(join(folder, "source-new"), [{ name, path }])).rejects.toThrow(TypeError);
});

test("a name that comes twice is refused", async () => {
  const { folder, file } = await setUp({});
  const { path } = await file("x");
  const twice = [
    { name: "a", path },
    { name: "a", path },
  ];
  await expect(packParts(join(folder, "source-new"), twice)).rejects.toThrow(TypeError);
});

/** A file with a table of one's own and what follows it. */
function forge(table: unknown, data: Buffer = Buffer.alloc(0)): Buffer {
  const text = Buffer.from(typeof table === "string" ? table : JSON.stringify(table));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(text.length);
  return Buffer.concat([Buffer.from("rcparts\u0001"), length, text, data]);
}

const empty = (name: string) => ({ name, bytes: 0 });

/** Of an empty part, so that its name alone is what is wrong. */
const digestOf = (name: string) => createHash("sha256").update(`${name}\n0\n`).digest();

test("a forged file with nothing wrong comes apart", async () => {
  const desk = await setUp({});
  expect(await desk.unpack(forge([empty("a")], digestOf("a")))).toMatchObject([empty("a")]);
});

test.each<[string, (packed: Buffer) => Buffer]>([
  ["nothing", () => Buffer.alloc(0)],
  ["half a head", (packed) => packed.subarray(0, 9)],
  ["another kind of file", () => Buffer.from("PK\u0003\u0004".repeat(100))],
  ["another version", (packed) => Buffer.concat([Buffer.from("rcparts\u0002"), packed.subarray(8)])],
  ["a table that is none", () => forge("{")],
  ["a table of something else", () => forge({ a: 1 })],
  ["a table with more members", () => forge([{ ...empty("a"), mode: 511 }], digestOf("a"))],
  [
    "a table longer than the file",
    (packed) => Buffer.concat([packed.subarray(0, 8), Buffer.from([0, 255, 255, 255]), packed.subarray(12)]),
  ],
  ["a negative size", () => forge([{ name: "a", bytes: -32 }])],
  ["half a byte", () => forge([{ name: "a", bytes: 0.5 }], Buffer.alloc(33))],
  ["a size beyond counting", () => forge(`[{"name":"a","bytes":1e400}]`)],
  ["a name twice", () => forge([empty("a"), empty("a")], Buffer.concat([digestOf("a"), digestOf("a")]))],
  ["a part of other bytes", (packed) => flip(packed, packed.length - 33)],
  ["a part of another digest", (packed) => flip(packed, packed.length - 1)],
  [
    "a part of another name",
    (packed) => Buffer.from(packed.toString("latin1").replace('"name":"b"', '"name":"c"'), "latin1"),
  ],
  ["a byte less", (packed) => packed.subarray(0, -1)],
  ["a byte more", (packed) => Buffer.concat([packed, Buffer.of(0)])],
])("%s is refused, and nothing is written", async (_, change) => {
  const desk = await setUp({ a: "first", b: Buffer.alloc(300_000, 3) });
  await expect(desk.unpack(Buffer.from(change(desk.packed)))).rejects.toMatchObject({ code: "parts-broken" });
  expect(await desk.found()).toEqual([]);
});

test.each(noNames)("a table that names a part %j is refused, and nothing is written", async (name) => {
  const desk = await setUp({});
  await expect(desk.unpack(forge([empty(name)], digestOf(name)))).rejects.toMatchObject({
    code: "parts-broken",
  });
  expect(await desk.leftovers()).toEqual([]);
});

function flip(packed: Buffer, place: number): Buffer {
  const changed = Buffer.from(packed);
  changed[place] = (changed[place] ?? 0) ^ 1;
  return changed;
}

test("more parts or bytes than the limits are refused before anything is written", async () => {
  const desk = await setUp({ a: Buffer.alloc(60), b: Buffer.alloc(40) });
  const tooLarge = { code: "parts-too-large" };
  await expect(desk.unpack(desk.packed, { maxParts: 1, maxBytes: 100 })).rejects.toMatchObject(tooLarge);
  await expect(desk.unpack(desk.packed, { maxParts: 2, maxBytes: 99 })).rejects.toMatchObject(tooLarge);
  await expect(desk.unpack(forge([{ name: "a", bytes: 2 ** 52 }]))).rejects.toMatchObject(tooLarge);
  expect(await desk.found()).toEqual([]);
  expect(await desk.unpack(desk.packed, { maxParts: 2, maxBytes: 100 })).toHaveLength(2);
});

test("links that wait in the target folder are replaced, not followed", async () => {
  const desk = await setUp({ a: "mine" });
  const outside = await desk.file("untouched");
  await mkdir(desk.target);
  await symlink(outside.path, join(desk.target, "a"));
  await desk.unpack(desk.packed);
  expect(await readFile(outside.path, "utf8")).toBe("untouched");
  expect(await readFile(join(desk.target, "a"), "utf8")).toBe("mine");
});

test("what was there before stays when a later part is broken", async () => {
  const desk = await setUp({ a: "first", b: "second" });
  await mkdir(desk.target);
  await writeFile(join(desk.target, "a"), "as it was");
  await chmod(desk.target, 0o700);
  await expect(desk.unpack(flip(desk.packed, desk.packed.length - 1))).rejects.toMatchObject({
    code: "parts-broken",
  });
  expect(await readFile(join(desk.target, "a"), "utf8")).toBe("as it was");
  expect(await desk.found()).toEqual(["a"]);
});
