import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { createDiskStorage } from "../../../src/storage/disk-storage.ts";
import { createS3Storage } from "../../../src/storage/s3-storage.ts";
import { createSealedStorage } from "../../../src/storage/sealed-storage.ts";

/** Puts and gets one large file through a sealed storage and says by how much the process grew meanwhile. */
const [, , folder = "", megabytes = "0", s3 = ""] = process.argv;

const log = { warn: () => undefined };
const bucket = s3 === "" ? null : (JSON.parse(s3) as Parameters<typeof createS3Storage>[0]);
const inner =
  bucket === null
    ? await createDiskStorage({ directory: join(folder, "kept") })
    : createS3Storage(bucket, { log });
const storage = await createSealedStorage({
  storage: inner,
  keys: [Buffer.alloc(32, 1)],
  tempDir: join(folder, "sealing"),
});

/** One buffer for everything, so that what grows is not this file's doing. */
const buffer = Buffer.alloc(2 ** 20);

async function roundTrip(name: string, size: number): Promise<boolean> {
  const [path, back] = [join(folder, name), join(folder, `${name}-back`)];
  const file = await open(path, "w");
  for (let index = 0; index < size; index += 1) await file.write(buffer.fill(`${index} some bytes `));
  await file.close();
  await storage.put("a", { path });
  await storage.get("a", back);
  return (await digest(path)) === (await digest(back));
}

async function digest(path: string): Promise<string> {
  const hash = createHash("sha256");
  const file = await open(path, "r");
  for (;;) {
    const { bytesRead } = await file.read(buffer, 0, buffer.length);
    if (bytesRead === 0) break;
    hash.update(buffer.subarray(0, bytesRead));
  }
  await file.close();
  return hash.digest("hex");
}

await roundTrip("small", 8);
const before = process.resourceUsage().maxRSS;
const same = await roundTrip("large", Number(megabytes));
const grownMb = (process.resourceUsage().maxRSS - before) / 1024;
process.stdout.write(JSON.stringify({ same, grownMb }));
