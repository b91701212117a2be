import { serverChain } from "../../db/audit-chain.ts";
import { verifyAudit } from "../../db/audit-verify.ts";
import { formatPlural } from "../github/amounts.ts";
import { findChain, readLogins } from "./audit-list-store.ts";
import { writeJson, type CliIo } from "./cli-io.ts";
import { withCliDatabase } from "./open-cli-database.ts";

/** `remote-claude audit verify`: holds every row against its hash and the one before; exit code 1 when a chain is broken. */
export async function verifyAuditLog(
  io: CliIo,
  input: { account: string | null; json: boolean },
): Promise<void> {
  const chains = await withCliDatabase(io, async ({ system }) => {
    const found = await verifyAudit(
      system,
      input.account === null ? {} : { accountId: await findChain(system, input.account) },
    );
    const logins = await readLogins(system);
    return found.map((chain) => ({ account: logins.get(chain.accountId) ?? null, ...chain }));
  });
  const ok = chains.every(({ problem }) => problem === null);
  if (!ok) io.setExitCode(1);
  if (input.json) {
    writeJson(io, { ok, chains });
    return;
  }
  if (chains.length === 0) io.write("Nothing has been written down.\n");
  for (const { account, accountId, sequence, hash, problem } of chains) {
    const name = account ?? (accountId === serverChain ? "(server)" : accountId);
    io.write(
      problem === null
        ? `${name}: ${formatPlural(sequence, "row")}, whole; the last is ${hash}\n`
        : `${name}: BROKEN: ${problem}\n`,
    );
  }
}
