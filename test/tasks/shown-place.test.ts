import { afterAll, beforeAll, expect, test } from "vitest";
import { withAccount } from "../../db/client.ts";
import { takeShowing } from "../../src/tasks/shown-place-store.ts";
import { seedRepository, seedSession, seedTask } from "../cli/seed.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

let home: TestDatabase;
beforeAll(async () => {
  home = await createTestDatabase();
});
afterAll(() => home.close());

test("a place is told when it has changed, not twice, and never more often than every ten seconds", async () => {
  const at = await seedRepository(home.database, { owner: "acme", name: "widgets" });
  const sessionId = await seedSession(home.database, at);
  const createdAt = new Date("2026-11-22T10:00:00Z");
  const id = await seedTask(home.database, { ...at, sessionId }, { createdAt });
  const look = (text: string, seconds: number) =>
    withAccount(home.database.db, at.accountId, (tx) =>
      takeShowing(tx, {
        task: { id, accountId: at.accountId, createdAt },
        ...{ text, now: new Date(createdAt.getTime() + seconds * 1_000), everyMs: 10_000 },
      }),
    );
  expect(await look("3/7", 4)).toBe("later");
  expect(await look("3/7", 10)).toBe("show");
  expect(await look("3/7", 40)).toBe("shown");
  expect(await look("2/7", 41)).toBe("show");
  expect(await look("1/7", 50)).toBe("later");
  expect(await look("1/7", 51)).toBe("show");
  const both = await Promise.all([look("1/1", 70), look("1/1", 70)]);
  expect(both.sort()).toEqual(["show", "shown"]);
});
