import { sql } from "drizzle-orm";
import type { Db, Tx } from "../../db/client.ts";
import type { JobName } from "./jobs.ts";
import { schema } from "./queue-settings.ts";

/** Lets the jobs of this name and key that wait for their hour begin now, once the transaction commits. */
export async function hastenJobs(tx: Tx | Db, name: JobName, key: string): Promise<void> {
  const jobs = sql`${sql.identifier(schema)}.job`;
  await tx.execute(
    sql`update ${jobs} set start_after = now() where name = ${name} and singleton_key = ${key} and state = 'created' and start_after > now()`,
  );
}
