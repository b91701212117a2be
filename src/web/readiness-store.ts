import type { Db } from "../../db/client.ts";

/** Resolves when the database answers. */
export async function pingDatabase(system: Db): Promise<void> {
  await system.execute("select 1");
}
