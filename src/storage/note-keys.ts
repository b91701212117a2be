import type { Db } from "../../db/client.ts";
import type { Config, GitHubApp } from "../config.ts";
import { readEncryptionKey } from "./encryption-key.ts";
import { noteKeyInUse } from "./key-in-use-store.ts";

/** Lets the audit log see a rotation: which keys this process uses, by their fingerprints. */
export async function noteKeys({
  config,
  system,
}: {
  config: Pick<Config, "dataDir" | "checkpoints"> & { app: GitHubApp };
  system: Db;
}): Promise<void> {
  const { dataDir, checkpoints, app } = config;
  const key = await readEncryptionKey({ dataDir, configured: checkpoints.encryptionKey });
  await noteKeyInUse(system, { name: "encryption-key", key });
  await noteKeyInUse(system, { name: "app-private-key", key: app.privateKey });
}
