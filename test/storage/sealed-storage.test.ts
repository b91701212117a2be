import { readFile, readdir, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createSealedStorage } from "../../src/storage/sealed-storage.ts";
import { SealError } from "../../src/storage/seal-error.ts";
import { listAll, newKey, openDesk, setUpS3 } from "./storage-stage.ts";

async function setUp() {
  const [bucket, desk, key] = [await setUpS3(), await openDesk(), newKey()];
  const tempDir = join(desk.folder, "source-sealing");
  const open = (keys: [Buffer, ...Buffer[]]) =>
    createSealedStorage({ storage: bucket.storage, keys, tempDir });
  return { ...bucket, ...desk, key, tempDir, open, storage: await open([key]) };
}

test("the other side sees neither content nor size as it was, and the folder on the way is left empty", async () => {
  const { s3, storage, file, tempDir, target } = await setUp();
  await storage.put("a", await file("a secret"));
  expect(s3.objects().get("a")?.body.includes("secret")).toBe(false);
  expect(s3.objects().get("a")?.body.length).toBe(48 + 8 + 16);
  expect(await listAll(storage, "")).toMatchObject([{ key: "a", bytes: 8 }]);
  await storage.get("a", target);
  expect(await readFile(target, "utf8")).toBe("a secret");
  expect(await readdir(tempDir)).toEqual([]);
  expect((await stat(tempDir)).mode & 0o777).toBe(0o700);
});

test("an object that was put in another one's place does not open", async () => {
  const { s3, storage, file, target, leftovers, tempDir } = await setUp();
  await storage.put("sessions/1/turn-1", await file("mine"));
  await storage.put("sessions/2/turn-1", await file("theirs"));
  const other = s3.objects().get("sessions/2/turn-1");
  if (other !== undefined) s3.objects().set("sessions/1/turn-1", other);
  await expect(storage.get("sessions/1/turn-1", target)).rejects.toMatchObject({ fault: "broken" });
  expect(await leftovers()).toEqual([]);
  expect(await readdir(tempDir)).toEqual([]);
});

test("what the way or the bucket damaged does not open", async () => {
  const { s3, storage, file, target, leftovers } = await setUp();
  await storage.put("a", await file("as it was"));
  s3.fault({ method: "GET", when: "after", damage: true });
  await expect(storage.get("a", target)).rejects.toThrow(SealError);
  expect(await storage.get("a", target)).toEqual({ bytes: 9 });
  const kept = s3.objects().get("a");
  s3.objects().set("a", { body: Buffer.from("plain"), modifiedAt: new Date() });
  await expect(storage.get("a", join(target, "../other"))).rejects.toMatchObject({ fault: "broken" });
  if (kept !== undefined) s3.objects().set("a", { ...kept, body: kept.body.subarray(0, -1) });
  await expect(storage.get("a", join(target, "../other"))).rejects.toMatchObject({ fault: "broken" });
  expect(await leftovers()).toEqual(["target"]);
});

test("after a rotation the first key seals and the earlier one still opens", async () => {
  const { open, key, file, target } = await setUp();
  const [before, next] = [await open([key]), newKey()];
  await before.put("old", await file("old"));
  const after = await open([next, key]);
  await after.put("new", await file("new"));
  expect(await after.get("old", target)).toEqual({ bytes: 3 });
  expect(await after.get("new", target)).toEqual({ bytes: 3 });
  const later = await open([next]);
  expect(await later.get("new", target)).toEqual({ bytes: 3 });
  await expect(later.get("old", target)).rejects.toMatchObject({ fault: "wrong-key" });
  await expect(before.get("new", target)).rejects.toMatchObject({ fault: "wrong-key" });
});

test("when the storage is away nothing stays on the way", async () => {
  const { s3, storage, file, target, tempDir } = await setUp();
  await s3.close();
  await expect(storage.put("a", await file("x"))).rejects.toMatchObject({ name: "TransientError" });
  await expect(storage.get("a", target)).rejects.toMatchObject({ name: "TransientError" });
  expect(await readdir(tempDir)).toEqual([]);
});

test("what killed processes left on the way goes after a day", async () => {
  const { open, key, tempDir } = await setUp();
  for (const name of [".part-old", ".part-new"]) await writeFile(join(tempDir, name), "half");
  const dayAgo = new Date(Date.now() - 25 * 60 * 60_000);
  await utimes(join(tempDir, ".part-old"), dayAgo, dayAgo);
  await open([key]);
  expect(await readdir(tempDir)).toEqual([".part-new"]);
});
