import { once } from "node:events";
import { readEncryptionKey } from "../../../src/storage/encryption-key.ts";

/** Says that it is there, waits for the end of its input, then asks ten times at once and says what it was given. */
const [, , dataDir = ""] = process.argv;
process.stdout.write("ready\n");
process.stdin.resume();
await once(process.stdin, "end");
const keys = await Promise.all(
  Array.from({ length: 10 }, () => readEncryptionKey({ dataDir, configured: null })),
);
process.stdout.write(keys.map((key) => `${key.toString("base64")}\n`).join(""));
