import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { CheckpointConfig } from "../../src/sandbox-settings.ts";
import { openCheckpointStorage } from "../../src/storage/open-checkpoint-storage.ts";
import { keepLog, newKey, openDesk, setUpS3 } from "./storage-stage.ts";

async function setUp() {
  const desk = await openDesk();
  const { lines, log } = keepLog();
  const dataDir = join(desk.folder, "data");
  const open = (checkpoints: Partial<CheckpointConfig>) =>
    openCheckpointStorage(
      { dataDir, checkpoints: { maxBytes: 2 ** 20, encryptionKey: null, s3: null, ...checkpoints } },
      { log },
    );
  return { ...desk, dataDir, open, lines };
}

test("without any setting checkpoints lie sealed in the data directory, under a key of its own", async () => {
  const { open, dataDir, file, target, lines } = await setUp();
  const storage = await open({});
  await storage.put("sessions/1/turn-1", await file("a secret"));
  const kept = await readFile(join(dataDir, "checkpoints", "sessions.1.turn-1"));
  expect(kept.subarray(0, 6).toString()).toBe("rcseal");
  expect(kept.includes("secret")).toBe(false);
  expect((await readdir(dataDir)).sort()).toEqual(["checkpoints", "encryption.key", "sealing"]);
  expect(await (await open({})).get("sessions/1/turn-1", target)).toEqual({ bytes: 8 });
  expect(lines[0]?.fields).toEqual({ place: join(dataDir, "checkpoints") });
});

test("with a bucket they lie there, under the configured key", async () => {
  const { open, dataDir, file, target, lines } = await setUp();
  const { s3 } = await setUpS3();
  const encryptionKey = newKey();
  const storage = await open({ s3, encryptionKey });
  await storage.put("a", await file("a secret"));
  expect([...s3.objects().keys()]).toEqual(["a"]);
  expect(await readdir(dataDir)).toEqual(["sealing"]);
  expect(await (await open({ s3, encryptionKey })).get("a", target)).toEqual({ bytes: 8 });
  await expect((await open({ s3, encryptionKey: newKey() })).get("a", target)).rejects.toMatchObject({
    fault: "wrong-key",
  });
  expect(JSON.stringify(lines)).not.toContain(s3.accessKeyId);
});

test("a key that is configured later opens what the data directory's own one sealed", async () => {
  const { open, file, target } = await setUp();
  await (await open({})).put("old", await file("old"));
  const encryptionKey = newKey();
  const storage = await open({ encryptionKey });
  expect(await storage.get("old", target)).toEqual({ bytes: 3 });
  await storage.put("new", await file("new"));
  await expect((await open({})).get("new", target)).rejects.toMatchObject({ fault: "wrong-key" });
});

test("an address that is none stops the boot", async () => {
  const { open } = await setUp();
  const s3 = { url: "https://host", region: "x", accessKeyId: "k", secretAccessKey: "s" };
  await expect(open({ s3, encryptionKey: newKey() })).rejects.toMatchObject({ code: "storage-url-invalid" });
});
