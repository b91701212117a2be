import { cp, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { startEmbeddedPostgres } from "../../src/embedded-postgres.ts";
import { guards } from "./guards.ts";
import { plainConfig, runTests, tryGuard, type Verdict } from "./try-guard.ts";

/** `npm run test:guards`: takes one guard after the other away in a copy of the tree and sees that a test fails. */

const root = join(import.meta.dirname, "../..");
const notCopied = new Set(["node_modules", ".git", "data", "coverage", "dist"]);

const { values } = parseArgs({
  options: { json: { type: "boolean", default: false }, only: { type: "string", multiple: true } },
});
const chosen = guards.filter(
  ({ name, group }) => values.only === undefined || values.only.some((word) => [name, group].includes(word)),
);
if (chosen.length === 0) throw new Error("--only names no guard and no group of test/guards/");

const home = await mkdtemp(join(tmpdir(), "rc-guards-"));
const copy = join(home, "tree");
await cp(root, copy, { recursive: true, filter: (from) => from === root || !notCopied.has(basename(from)) });
await symlink(join(root, "node_modules"), join(copy, "node_modules"), "dir");
await writeFile(join(copy, plainConfig.name), plainConfig.text);
const settings = { fsync: "off", synchronous_commit: "off", full_page_writes: "off", max_connections: "300" };
const given = process.env.TEST_DATABASE_URL;
const server =
  given === undefined || given === ""
    ? await startEmbeddedPostgres({ dataDir: join(home, "postgres"), settings })
    : { url: given, stop: () => Promise.resolve() };
const at = { copy, databaseUrl: server.url };
const rows: { name: string; group: string; promise: string; file: string; verdict: Verdict }[] = [];
try {
  const whole = await runTests([...new Set(chosen.flatMap(({ tests }) => tests))], at);
  if (whole === null || whole.numFailedTests > 0 || whole.numPassedTests === 0)
    throw new Error("expected the named tests to pass with every guard in place, and they do not");
  for (const guard of chosen) {
    const { name, group, promise, file } = guard;
    const verdict = await tryGuard(guard, at);
    rows.push({ name, group, promise, file, verdict });
    if (!values.json) say(`${verdict.padEnd(9)}  ${promise}  ${group.padEnd(11)}  ${name}  (${file})`);
  }
} finally {
  await server.stop();
  await rm(home, { recursive: true, force: true });
}

const killed = rows.filter(({ verdict }) => verdict === "killed").length;
if (values.json) say(JSON.stringify({ killed, of: rows.length, rows }, null, 2));
else {
  for (const group of new Set(rows.map((row) => row.group))) {
    const own = rows.filter((row) => row.group === group);
    say(`${group}: ${own.filter(({ verdict }) => verdict === "killed").length} of ${own.length}`);
  }
  say(`${killed} of ${rows.length} guards killed`);
}
process.exitCode = killed === rows.length ? 0 : 1;

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
