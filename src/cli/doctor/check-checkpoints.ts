import { randomUUID } from "node:crypto";
import { access, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Config } from "../../config.ts";
import type { Logger } from "../../log.ts";
import { openCheckpointStorage } from "../../storage/open-checkpoint-storage.ts";
import { readS3Address } from "../../storage/s3-address.ts";
import { fail, ok, type CheckResult } from "./check.ts";

/** Stores a small object, reads it back and removes it: proves address, keys, rights and the way there and back. */
export async function checkCheckpoints(
  config: Pick<Config, "dataDir" | "checkpoints">,
  log: Pick<Logger, "info" | "warn">,
): Promise<CheckResult> {
  const { s3 } = config.checkpoints;
  const directory = join(config.dataDir, "checkpoints");
  // The doctor makes nothing that was not there.
  if (s3 === null && !(await isThere(directory))) return ok(`${directory} is made at the first start`);
  const place = s3 === null ? directory : readS3Address(s3.url).name;
  const storage = await openCheckpointStorage(config, { log });
  const folder = await mkdtemp(join(tmpdir(), "remote-claude-doctor-"));
  const [sent, came] = [join(folder, "sent"), join(folder, "came")];
  const key = `doctor/${randomUUID()}`;
  try {
    await writeFile(sent, key);
    await storage.put(key, { path: sent });
    const found = await storage.get(key, came);
    await storage.remove(key);
    if (found !== null && (await readFile(came, "utf8")) === key) return ok(`${place} keeps and gives back`);
    return fail(
      `${place} did not give back what it had taken`,
      "Look at the service's own rules for objects.",
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
