import { openDatabase } from "../../../db/client.ts";
import { verifyAudit } from "../../../db/audit-verify.ts";
import { formatPlural } from "../../github/amounts.ts";
import { fail, ok, type CheckResult } from "./check.ts";

/** The whole log may be long: `audit verify` reads all of it. */
const tail = 200;

/** Whether the newest rows of each account's audit log are what was written. */
export async function checkAudit(url: string): Promise<CheckResult> {
  const database = openDatabase({ url });
  try {
    const chains = await verifyAudit(database.system, { tail });
    const broken = chains.filter(({ problem }) => problem !== null);
    if (broken.length > 0) {
      return fail(
        broken.map(({ accountId, problem }) => `the log of ${accountId}: ${problem ?? ""}`).join("\n"),
        "Somebody has changed the database by hand. Run remote-claude audit verify, and compare with a backup.",
      );
    }
    const rows = chains.reduce((sum, chain) => sum + chain.rows, 0);
    return ok(
      `the newest ${formatPlural(rows, "row")} of ${formatPlural(chains.length, "chain")} are as they were written`,
    );
  } finally {
    await database.close();
  }
}
