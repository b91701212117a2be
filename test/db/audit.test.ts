import { eq, sql } from "drizzle-orm";
import { uuidv7 } from "uuidv7";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { appendAudit, hashAuditRow, noHash, serverChain, toCanonicalJson } from "../../db/audit-chain.ts";
import { recordAudit } from "../../db/audit.ts";
import { verifyAudit } from "../../db/audit-verify.ts";
import { withAccount } from "../../db/client.ts";
import { withOwner } from "../../db/owner-connection.ts";
import { audit } from "../../db/schema.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

let given: TestDatabase;

beforeAll(async () => {
  given = await createTestDatabase();
});

afterAll(() => given.close());

const entry = (accountId: string, n: number) =>
  ({ accountId, act: "pushed", actor: "server", data: { n, branch: "claude/1-x" } }) as const;

async function makeChain(rows: number): Promise<string> {
  const accountId = uuidv7();
  for (let n = 1; n <= rows; n++) await recordAudit(given.database.system, entry(accountId, n));
  return accountId;
}

const rowsOf = (accountId: string) =>
  given.database.system.select().from(audit).where(eq(audit.accountId, accountId)).orderBy(audit.sequence);

/** As somebody who owns the database, with the triggers switched off. */
const tamper = (accountId: string, statement: string) =>
  withOwner(given.url, async (db) => {
    await db.execute(sql.raw("alter table audit disable trigger user"));
    await db.execute(sql.raw(statement.replaceAll("ACCOUNT", `'${accountId}'`)));
    await db.execute(sql.raw("alter table audit enable trigger user"));
  });

describe("a chain", () => {
  test("numbers its rows, and each hash covers the one before", async () => {
    const accountId = await makeChain(3);
    const rows = await rowsOf(accountId);
    expect(rows.map(({ sequence }) => sequence)).toEqual([1, 2, 3]);
    expect(rows[0]?.previousHash).toBe(noHash);
    expect(rows[1]?.previousHash).toBe(rows[0]?.hash);
    expect(rows.map(hashAuditRow)).toEqual(rows.map(({ hash }) => hash));
    const [verdict] = await verifyAudit(given.database.system, { accountId });
    expect(verdict).toEqual({ accountId, rows: 3, sequence: 3, hash: rows[2]?.hash, problem: null });
  });

  test("is written right before the commit, all of a transaction in their order", async () => {
    const accountId = uuidv7();
    await withAccount(given.database.db, accountId, async (tx) => {
      await recordAudit(tx, entry(accountId, 1));
      await recordAudit(tx, entry(accountId, 2));
      expect(await tx.$count(audit)).toBe(0);
    });
    expect((await rowsOf(accountId)).map(({ data }) => data.n)).toEqual([1, 2]);
  });

  test("has nothing of an act that was rolled back", async () => {
    const accountId = uuidv7();
    const failed = withAccount(given.database.db, accountId, async (tx) => {
      await recordAudit(tx, entry(accountId, 1));
      throw new Error("no");
    });
    await expect(failed).rejects.toThrow("no");
    expect(await rowsOf(accountId)).toEqual([]);
  });

  test("stays one chain when many write at once", async () => {
    const accountId = uuidv7();
    const { db } = given.database;
    await Promise.all(
      Array.from({ length: 40 }, (_, n) =>
        withAccount(db, accountId, (tx) => recordAudit(tx, entry(accountId, n))),
      ),
    );
    const [verdict] = await verifyAudit(given.database.system, { accountId });
    expect(verdict).toMatchObject({ rows: 40, problem: null });
  });

  test("keeps what PostgreSQL's JSON would refuse out, and cuts long texts", async () => {
    const accountId = uuidv7();
    const data = { name: `a\u0000b\ud800${"x".repeat(500)}`, list: ["\u0000"], none: null, yes: true };
    await recordAudit(given.database.system, { accountId, act: "operator-acted", actor: "operator:o", data });
    const [row] = await rowsOf(accountId);
    expect(row?.data).toEqual({ name: `ab\ufffd${"x".repeat(197)}`, list: [""], none: null, yes: true });
    expect((await verifyAudit(given.database.system, { accountId }))[0]?.problem).toBeNull();
  });

  test("takes the acts of one account only", async () => {
    const both = [entry(uuidv7(), 1), entry(uuidv7(), 2)];
    await expect(appendAudit(given.database.system, both)).rejects.toThrow("of one account");
  });

  test("of the server itself is out of an account's reach", async () => {
    const write = withAccount(given.database.db, uuidv7(), (tx) => appendAudit(tx, [entry(serverChain, 1)]));
    await expect(write).rejects.toMatchObject({ cause: { code: "42501" } });
  });
});

describe("the verifier finds", () => {
  test.each([
    [
      "a changed fact",
      "update audit set data = '{\"n\": 9}' where account_id = ACCOUNT and sequence = 2",
      "row 2 is not what was written",
    ],
    [
      "a changed actor",
      "update audit set actor = 'user:1' where account_id = ACCOUNT and sequence = 4",
      "row 4 is not what was written",
    ],
    [
      "a changed time",
      "update audit set at = at + interval '1 ms' where account_id = ACCOUNT and sequence = 1",
      "row 1 is not what was written",
    ],
    [
      "a row that was taken out",
      "delete from audit where account_id = ACCOUNT and sequence = 3",
      "row 3 is missing: row 4 follows",
    ],
    [
      "a first row that was taken away",
      "delete from audit where account_id = ACCOUNT and sequence = 1",
      "row 1 is missing: row 2 follows",
    ],
    [
      "an end that was taken away",
      "delete from audit where account_id = ACCOUNT and sequence >= 4",
      "the chain should end with row 4 and ends with row 3",
    ],
    [
      "a link that was bent",
      `update audit set previous_hash = '${noHash}' where account_id = ACCOUNT and sequence = 2`,
      "row 2 does not follow the row before it",
    ],
  ])("%s", async (_name, statement, problem) => {
    const accountId = await makeChain(4);
    await tamper(accountId, statement);
    expect((await verifyAudit(given.database.system, { accountId }))[0]?.problem).toBe(problem);
  });

  test("a last row that was written anew with a hash that fits", async () => {
    const accountId = await makeChain(2);
    const [, row] = await rowsOf(accountId);
    if (row === undefined) throw new Error("the chain has no second row");
    const hash = hashAuditRow({ ...row, actor: "user:666" });
    await tamper(
      accountId,
      `update audit set actor = 'user:666', hash = '${hash}' where account_id = ACCOUNT and sequence = 2`,
    );
    expect((await verifyAudit(given.database.system, { accountId }))[0]?.problem).toBe(
      "row 2 is not the one that the chain ended with",
    );
  });

  test("with the tail alone what happened there, and nothing earlier", async () => {
    const accountId = await makeChain(6);
    await tamper(accountId, "update audit set actor = 'user:1' where account_id = ACCOUNT and sequence = 2");
    expect(await verifyAudit(given.database.system, { accountId, tail: 3 })).toMatchObject([
      { rows: 3, problem: null },
    ]);
    await tamper(accountId, "update audit set actor = 'user:1' where account_id = ACCOUNT and sequence = 5");
    expect((await verifyAudit(given.database.system, { accountId, tail: 3 }))[0]?.problem).toBe(
      "row 5 is not what was written",
    );
  });
});

describe("the database refuses", () => {
  test.each([
    "update audit set actor = 'user:1'",
    "delete from audit",
    "truncate audit",
    "delete from audit_head",
    "update audit_head set sequence = sequence - 1",
    `update audit_head set hash = '${noHash}'`,
  ])("even its owner: %s", async (statement) => {
    await makeChain(1);
    const refused = withOwner(given.url, (db) => db.execute(sql.raw(statement)));
    await expect(refused).rejects.toMatchObject({ cause: { code: "23001" } });
  });

  test.each(["update audit set actor = 'user:1'", "delete from audit", "delete from audit_head"])(
    "both roles: %s",
    async (statement) => {
      for (const db of [given.database.db, given.database.system])
        await expect(db.execute(sql.raw(statement))).rejects.toMatchObject({ cause: { code: "42501" } });
    },
  );
});

test("canonical JSON does not know the order of keys", () => {
  expect(toCanonicalJson({ b: [1, { d: null, c: "x" }], a: true, e: undefined })).toBe(
    '{"a":true,"b":[1,{"c":"x","d":null}]}',
  );
});
