import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { uuidv7 } from "uuidv7";
import { recordAudit } from "../db/audit.ts";
import { verifyAudit } from "../db/audit-verify.ts";
import { openDatabase, withAccount, type Tx } from "../db/client.ts";
import { migrateUp } from "../db/migrate.ts";
import { startEmbeddedPostgres } from "../src/embedded-postgres.ts";
import { median } from "./bot/median.ts";

/**
 * What one entry of the audit log adds to the transaction that it belongs to: the same transactions with and without one, in
 * turns, medians; then how long the chains take to be verified. Bar: less than 1 ms an entry. Prints one JSON object.
 */
const rounds = 2_000;
const barMs = 1;
/** Of a task that opens a pull request: let in, created, five tokens, pushed, opened, ended. */
const entriesPerTask = 10;

const folder = await mkdtemp(join(tmpdir(), "bench-audit-"));
const postgres = await startEmbeddedPostgres({ dataDir: folder });
await migrateUp(postgres.url);
const database = openDatabase({ url: postgres.url });
try {
  const accountId = uuidv7();
  const write = (tx: Tx) =>
    recordAudit(tx, {
      accountId,
      act: "pushed",
      actor: "user:7",
      data: { task: uuidv7(), branch: "claude/1-x" },
    });
  const timed = async (work: (tx: Tx) => Promise<void>) => {
    const since = performance.now();
    await withAccount(database.db, accountId, async (tx) => {
      // Every such transaction writes something else as well, and waits for the disk once.
      await tx.execute(
        "insert into watermark (name, value) values ('bench', '1') on conflict (name) do update set value = '2'",
      );
      await work(tx);
    });
    return performance.now() - since;
  };
  const [plain, audited]: [number[], number[]] = [[], []];
  for (let round = -100; round < rounds; round += 1) {
    const [without, withOne] = [await timed(() => Promise.resolve()), await timed(write)];
    if (round < 0) continue;
    plain.push(without);
    audited.push(withOne);
  }
  const entryMs = median(audited) - median(plain);
  const since = performance.now();
  const [chain] = await verifyAudit(database.system, { accountId });
  const verifyMs = performance.now() - since;
  if (chain?.problem !== null)
    throw new Error(`the chain does not hold: ${chain?.problem ?? "there is none"}`);
  const figures = {
    "audit.entry_ms": round2(entryMs),
    "audit.task_ms": round2(entryMs * entriesPerTask),
    "audit.under_bar": entryMs < barMs,
    raw: {
      ...{
        plainMs: round2(median(plain)),
        auditedMs: round2(median(audited)),
        rounds,
        barMs,
        entriesPerTask,
      },
      ...{ verifiedRows: chain.rows, verifyMs: Math.round(verifyMs) },
    },
  };
  process.stdout.write(`${JSON.stringify(figures, null, 2)}\n`);
} finally {
  await database.close();
  await postgres.stop();
  await rm(folder, { recursive: true, force: true });
}
process.exit();

function round2(value: number): number {
  return Math.round(value * 100) / 100;
}
