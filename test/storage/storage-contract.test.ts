import { mkdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createDiskStorage } from "../../src/storage/disk-storage.ts";
import { createSealedStorage } from "../../src/storage/sealed-storage.ts";
import type { Storage, StoredObject } from "../../src/storage/storage.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { listAll, listKeys, newKey, openDesk, setUpS3 } from "./storage-stage.ts";

const onDisk = async () => createDiskStorage({ directory: join(await temporaryFolder(), "kept") });
const inBucket = async () => (await setUpS3({ pageSize: 3 })).storage;
const sealed = async (storage: Storage) =>
  createSealedStorage({ storage, keys: [newKey()], tempDir: join(await temporaryFolder(), "sealing") });

const kinds: Record<string, () => Promise<Storage>> = {
  disk: onDisk,
  S3: inBucket,
  "sealed on disk": async () => sealed(await onDisk()),
  "sealed in S3": async () => sealed(await inBucket()),
};

describe.each(Object.entries(kinds))("%s", (_, create) => {
  const setUp = async () => ({ storage: await create(), ...(await openDesk()) });

  test.each([0, 1, 2 ** 18 - 1, 2 ** 18, 2 ** 18 + 1, 3 * 2 ** 20 + 7])(
    "%i bytes come back as they were put",
    async (bytes) => {
      const { storage, file, target } = await setUp();
      const content = Buffer.alloc(bytes, "some bytes that repeat, ");
      expect(await storage.put("a/b", await file(content))).toEqual({ bytes });
      expect(await storage.get("a/b", target)).toEqual({ bytes });
      expect((await readFile(target)).equals(content)).toBe(true);
      expect((await stat(target)).mode & 0o777).toBe(0o600);
      expect(await listAll(storage, "")).toMatchObject([{ key: "a/b", bytes }]);
    },
  );

  test("what is not there is null, and nothing comes to be at the target", async () => {
    const { storage, target, leftovers } = await setUp();
    expect(await storage.get("a", target)).toBeNull();
    expect(await leftovers()).toEqual([]);
  });

  test("a second put replaces, a get replaces what stood at the target", async () => {
    const { storage, file, target } = await setUp();
    await storage.put("a", await file("a long first one"));
    await storage.put("a", await file("second"));
    await writeFile(target, "something much longer than that");
    expect(await storage.get("a", target)).toEqual({ bytes: 6 });
    expect(await readFile(target, "utf8")).toBe("second");
    expect(await listKeys(storage, "")).toEqual(["a"]);
  });

  test("a link at the target is replaced, not followed", async () => {
    const { storage, file, folder, target } = await setUp();
    const outside = await file("untouched");
    await symlink(outside.path, target);
    await storage.put("a", await file("mine"));
    await storage.get("a", target);
    expect(await readFile(outside.path, "utf8")).toBe("untouched");
    expect(await readFile(join(folder, "target"), "utf8")).toBe("mine");
  });

  test("remove may be said twice, and takes nothing else along", async () => {
    const { storage, file, target } = await setUp();
    for (const key of ["a", "a/b", "a-b"]) await storage.put(key, await file(key));
    await storage.remove("a");
    await storage.remove("a");
    expect(await storage.get("a", target)).toBeNull();
    expect(await listKeys(storage, "")).toEqual(["a-b", "a/b"]);
  });

  test("a list goes over all pages and keeps to whole parts of a key", async () => {
    const { storage, file } = await setUp();
    const source = await file("x");
    const keys = [
      ...Array.from({ length: 10 }, (_, index) => `sessions/1/turn-${index}`),
      "sessions/1",
      "sessions/10/turn-1",
      "sessions/1-0",
      "other",
    ];
    for (const key of keys) await storage.put(key, source);
    expect(await listKeys(storage, "")).toEqual(keys.toSorted());
    expect(await listKeys(storage, "sessions/1")).toEqual(keys.slice(0, 10).toSorted());
    expect(await listKeys(storage, "sessions")).toEqual(keys.slice(0, -1).toSorted());
    expect(await listKeys(storage, "nothing")).toEqual([]);
  });

  test("a list may be left early, and what it names may be removed on the way", async () => {
    const { storage, file } = await setUp();
    const source = await file("x");
    for (let index = 0; index < 10; index += 1) await storage.put(`a/${index}`, source);
    let seen: StoredObject | undefined;
    for await (const object of storage.list("a")) {
      seen = object;
      break;
    }
    expect(seen).toMatchObject({ bytes: 1 });
    for await (const { key } of storage.list("a")) await storage.remove(key);
    expect(await listKeys(storage, "a")).toEqual([]);
  });

  test("a list says when", async () => {
    const { storage, file } = await setUp();
    await storage.put("a", await file("x"));
    const [object] = await listAll(storage, "");
    const ageMs = Date.now() - (object?.modifiedAt.getTime() ?? 0);
    expect(ageMs).toBeGreaterThan(-5_000);
    expect(ageMs).toBeLessThan(60_000);
  });

  test("what is no key is a TypeError everywhere", async () => {
    const { storage, file, target } = await setUp();
    const source = await file("x");
    for (const key of ["", "../a", "a//b", "A", "a.b"]) {
      await expect(storage.put(key, source)).rejects.toThrow(TypeError);
      await expect(storage.get(key, target)).rejects.toThrow(TypeError);
      await expect(storage.remove(key)).rejects.toThrow(TypeError);
      if (key !== "") expect(() => storage.list(key)).toThrow(TypeError);
    }
  });

  test("a source that is not there, or is a folder, is an error and stores nothing", async () => {
    const { storage, folder } = await setUp();
    await expect(storage.put("a", { path: join(folder, "none") })).rejects.toMatchObject({ code: "ENOENT" });
    await mkdir(join(folder, "source-folder"));
    await expect(storage.put("a", { path: join(folder, "source-folder") })).rejects.toThrow("EISDIR");
    expect(await listKeys(storage, "")).toEqual([]);
  });

  test("a target folder that is not there is an error", async () => {
    const { storage, file, folder } = await setUp();
    await storage.put("a", await file("x"));
    await rm(join(folder, "no"), { recursive: true, force: true });
    await expect(storage.get("a", join(folder, "no/target"))).rejects.toMatchObject({ code: "ENOENT" });
  });

  test("two puts of one key at once leave one of them whole", async () => {
    const { storage, file, target } = await setUp();
    const [a, b] = [Buffer.alloc(700_000, "a"), Buffer.alloc(600_000, "b")];
    const [fileA, fileB] = [await file(a), await file(b)];
    await Promise.all([1, 2, 3].flatMap(() => [storage.put("k", fileA), storage.put("k", fileB)]));
    await storage.get("k", target);
    const found = await readFile(target);
    expect(found.equals(a) || found.equals(b)).toBe(true);
    expect(await listKeys(storage, "")).toEqual(["k"]);
  });
});
