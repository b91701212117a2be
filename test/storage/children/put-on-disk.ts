import { createDiskStorage } from "../../../src/storage/disk-storage.ts";

/** Stores one file and says what came of it: argv is the storage's directory, the key and the file. */
const [, , directory = "", key = "", path = ""] = process.argv;
const storage = await createDiskStorage({ directory });
try {
  process.stdout.write(JSON.stringify(await storage.put(key, { path })));
} catch (error) {
  process.stdout.write(
    JSON.stringify(error instanceof Error ? Object.fromEntries(Object.entries(error)) : {}),
  );
}
