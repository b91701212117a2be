import { migrationStatus } from "../../../db/migrate.ts";
import { formatPlural } from "../../github/amounts.ts";
import { fail, ok, type CheckResult } from "./check.ts";

/** Whether the database answers, and has exactly this release's migrations. */
export async function checkDatabase(url: string): Promise<CheckResult> {
  const { applied, pending, drift } = await migrationStatus(url);
  const where = new URL(url);
  const place = `${where.host}${where.pathname}`;
  if (drift.length > 0) {
    return fail(
      `${place} does not match this release's migrations:\n${drift.join("\n")}`,
      "Run the release that made the database, or a newer one.",
    );
  }
  if (pending.length > 0) {
    return fail(
      `${place} lacks ${formatPlural(pending.length, "migration")}: ${pending.join(", ")}`,
      "Run remote-claude migrate up, or npm start, which does it by itself.",
    );
  }
  return ok(`${place}, ${formatPlural(applied.length, "migration")}, none pending`);
}
