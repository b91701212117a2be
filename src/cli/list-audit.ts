import { audit } from "../../db/schema.ts";
import { UserError } from "../errors.ts";
import { findChain, listActs, type ListedAct } from "./audit-list-store.ts";
import { writeJson, type CliIo } from "./cli-io.ts";
import { withCliDatabase } from "./open-cli-database.ts";
import { formatAge } from "./relative-time.ts";
import { renderTable } from "./render-table.ts";

type Act = ListedAct["act"];
const known: readonly Act[] = audit.act.enumValues;

/** `remote-claude audit list`: who did what, the newest first. */
export async function showAudit(
  io: CliIo,
  input: { account: string | null; acts: readonly Act[]; limit: number; json: boolean },
): Promise<void> {
  const acts = await withCliDatabase(io, async ({ system }) =>
    listActs(system, {
      accountId: input.account === null ? null : await findChain(system, input.account),
      acts: input.acts,
      limit: input.limit,
    }),
  );
  if (input.json) {
    writeJson(io, { acts });
    return;
  }
  io.write(acts.length === 0 ? "Nothing has been written down.\n" : renderActs(acts, io));
}

/** The acts of `--act`; UserError when one is none. */
export function readActs(text: string): Act[] {
  return text.split(",").map((name) => {
    const act = known.find((one) => one === name.trim());
    if (act !== undefined) return act;
    throw new UserError(
      "act-unknown",
      `Expected acts out of ${known.join(", ")}, got ${JSON.stringify(name)}.`,
      "Separate several by commas.",
    );
  });
}

function renderActs(acts: readonly ListedAct[], io: Pick<CliIo, "columns" | "now">): string {
  const now = io.now();
  return renderTable({
    heading: ["ACCOUNT", "NO", "AT", "ACT", "ACTOR", "FACTS"],
    rows: acts.map((row) => [
      row.account ?? "(server)",
      String(row.sequence),
      formatAge(row.at, now),
      row.act,
      row.actor,
      Object.entries(row.data)
        .filter(([, value]) => value !== null && value !== "")
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, value]) => `${name}=${Array.isArray(value) ? value.join(",") : String(value)}`)
        .join(" "),
    ]),
    columns: io.columns,
  });
}
