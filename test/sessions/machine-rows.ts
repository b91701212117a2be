import { and, eq } from "drizzle-orm";
import { pino } from "pino";
import { sandbox, session } from "../../db/schema.ts";
import { createFleet } from "../../src/sandbox/fleet.ts";
import { seedRepository, seedSession, seedTask, type Seeded } from "../cli/seed.ts";
import { createTestDatabase } from "../support/database.ts";
import { recordedProvider } from "../support/recorded-provider.ts";

/** So old that every idle time and every retention time is over; and not so old. */
export const longAgo = new Date("2026-01-01T00:00:00Z");

export type Machines = Awaited<ReturnType<typeof machineRows>>;

/** A database with one repository, and two recorded providers `cloud` and `spare` in a fleet: what the jobs of sessions work on. */
export async function machineRows() {
  const t = await createTestDatabase();
  const { db, system } = t.database;
  const at: Seeded = await seedRepository(t.database, { owner: "acme", name: "widgets" });
  const [cloud, spare] = [recordedProvider("cloud"), recordedProvider("spare")];
  const lines: Record<string, unknown>[] = [];
  const log = pino(
    { level: "info" },
    { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) },
  );
  const clock = { now: () => new Date() };
  const deps = {
    db,
    system,
    log,
    clock,
    sandboxes: createFleet({ providers: [cloud, spare], clock, log }),
    config: { sandbox: { idleMs: 5 * 60_000, retentionMs: 30 * 86_400_000 } },
  };
  return {
    t,
    at,
    deps,
    cloud,
    spare,
    lines,
    close: () => t.close(),
    seedSession: (values: Partial<typeof session.$inferInsert> = {}) => seedSession(t.database, at, values),
    seedTask: (sessionId: string, values: Parameters<typeof seedTask>[2] = {}) =>
      seedTask(t.database, { ...at, sessionId }, values),
    /** A session whose machine in use is `id` at the cloud, with a row that says so; listed by the provider too. */
    async seedMachine(
      id: string,
      values: Partial<typeof sandbox.$inferInsert> = {},
      sessionValues: Partial<typeof session.$inferInsert> = {},
    ): Promise<string> {
      const provider = values.provider ?? "cloud";
      const sessionId = await seedSession(t.database, at, {
        sandboxProvider: provider,
        sandboxId: id,
        ...sessionValues,
      });
      await system.insert(sandbox).values({
        provider,
        id,
        accountId: at.accountId,
        sessionId,
        fence: 1,
        status: "running",
        usedAt: longAgo,
        ...values,
      });
      if (provider === "cloud") cloud.add(id, { session: sessionId, fence: String(values.fence ?? 1) });
      return sessionId;
    },
    async seedRow(
      sessionId: string,
      values: Partial<typeof sandbox.$inferInsert> & { id: string },
    ): Promise<void> {
      await system.insert(sandbox).values({
        provider: "cloud",
        accountId: at.accountId,
        sessionId,
        fence: 1,
        status: "running",
        ...values,
      });
    },
    rowOf: async (id: string, provider = "cloud") =>
      (
        await system
          .select()
          .from(sandbox)
          .where(and(eq(sandbox.provider, provider), eq(sandbox.id, id)))
      )[0],
    sessionOf: async (id: string) => (await system.select().from(session).where(eq(session.id, id)))[0],
  };
}
