import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "drizzle-orm";
import { uuidv7 } from "uuidv7";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { serverChain } from "../../db/audit-chain.ts";
import { recordAudit } from "../../db/audit.ts";
import { withOwner } from "../../db/owner-connection.ts";
import { account } from "../../db/schema.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { runCommand } from "./run-command.ts";

let t: TestDatabase;
let dataDir: string;
let accountId: string;
let login: string;
let accounts = 0;

beforeAll(async () => {
  t = await createTestDatabase();
  dataDir = await mkdtemp(join(tmpdir(), "rc-audit-"));
});
afterAll(async () => {
  await t.close();
  await rm(dataDir, { recursive: true });
});

beforeEach(async () => {
  accountId = uuidv7();
  login = `acme-${(accounts += 1)}`;
  await t.database.system.insert(account).values({ id: accountId, githubId: accounts, login, kind: "User" });
  const { system } = t.database;
  await recordAudit(system, {
    ...{ accountId, act: "gate-refused", actor: "user:9" },
    data: { login: "eve\u001b[2J", reason: "no-write-access" },
  });
  await recordAudit(system, {
    ...{ accountId, act: "token-minted", actor: "server" },
    data: { repository: 5, scope: ["contents:read", "metadata:read"] },
  });
  await recordAudit(system, {
    ...{ accountId: serverChain, act: "operator-acted", actor: "operator:root" },
    data: { command: "sandbox kill", sandbox: "all" },
  });
});

const run = (...args: string[]) =>
  runCommand(["audit", ...args], {
    env: { DATABASE_URL: t.url, LOG_LEVEL: "silent", DATA_DIR: dataDir },
    now: new Date(),
  });

test("list: the newest first, of one account, with nothing that moves the cursor", async () => {
  const { exitCode, out } = await run("list", "--account", login);
  expect(exitCode).toBe(0);
  expect(out).toMatch(/token-minted\s+server\s+repository=5 scope=contents:read,metadata:read/);
  expect(out.indexOf("token-minted")).toBeLessThan(out.indexOf("gate-refused"));
  expect(out).not.toContain("\u001b");
  expect(out).not.toContain("operator-acted");
});

test("list --json: stable names", async () => {
  const { out } = await run("list", "--account", login, "--act", "gate-refused", "--json");
  expect(JSON.parse(out)).toEqual({
    acts: [
      {
        ...{ account: login, accountId, sequence: 1, act: "gate-refused", actor: "user:9" },
        at: expect.any(String) as string,
        data: { login: "eve\u001b[2J", reason: "no-write-access" },
        previousHash: "0".repeat(64),
        hash: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
      },
    ],
  });
});

test("list --account server: what belongs to no account", async () => {
  const { out } = await run("list", "--account", "server", "--limit", "1", "--json");
  expect(JSON.parse(out)).toMatchObject({ acts: [{ account: null, act: "operator-acted" }] });
});

test.each([
  [["list", "--act", "nothing"], "Expected acts out of gate-admitted"],
  [["list", "--account", "nobody"], "Expected the login of an account"],
  [["verify", "--account", "nobody"], "Expected the login of an account"],
])("%j is refused in words", async (args, words) => {
  const { exitCode, err } = await run(...args);
  expect(exitCode).toBe(1);
  expect(err).toContain(words);
});

test("verify: whole, and broken with exit code 1 and the first row that is wrong", async () => {
  const whole = await run("verify", "--account", login);
  expect(whole.exitCode).toBe(0);
  expect(whole.out).toMatch(new RegExp(`^${login}: 2 rows, whole; the last is [0-9a-f]{64}\n$`));
  await withOwner(t.url, async (db) => {
    await db.execute(sql`alter table audit disable trigger user`);
    await db.execute(sql`update audit set actor = 'user:7' where account_id = ${accountId} and sequence = 1`);
    await db.execute(sql`alter table audit enable trigger user`);
  });
  const broken = await run("verify");
  expect(broken.exitCode).toBe(1);
  expect(broken.out).toContain(`${login}: BROKEN: row 1 is not what was written\n`);
  const json = await run("verify", "--account", login, "--json");
  expect(JSON.parse(json.out)).toMatchObject({
    ok: false,
    chains: [{ account: login, accountId, rows: 1, sequence: 2, problem: "row 1 is not what was written" }],
  });
});
