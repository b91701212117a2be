import { uuidv7 } from "uuidv7";
import type { Database } from "../../db/client.ts";
import { account, event, installation, modelCall, repository, session, step, task } from "../../db/schema.ts";

let serial = 1_000;

export type Seeded = { accountId: string; repositoryId: number; installationId: number };

/** An account with one installation and one repository. */
export async function seedRepository(
  { system }: Database,
  input: { owner: string; name: string },
): Promise<Seeded> {
  const accountId = uuidv7();
  const id = ++serial;
  await system
    .insert(account)
    .values({ id: accountId, githubId: id, login: input.owner, kind: "Organization" });
  await system.insert(installation).values({ id, accountId, repositorySelection: "all", permissions: {} });
  await system.insert(repository).values({ id, accountId, installationId: id, ...input, private: true });
  return { accountId, repositoryId: id, installationId: id };
}

export async function seedSession(
  { system }: Database,
  at: Seeded,
  values: Partial<typeof session.$inferInsert> = {},
): Promise<string> {
  const id = uuidv7();
  const issueNumber = values.issueNumber ?? ++serial;
  await system.insert(session).values({
    claudeSessionId: crypto.randomUUID(),
    id,
    accountId: at.accountId,
    repositoryId: at.repositoryId,
    issueNumber,
    branch: `claude/${issueNumber}-fix`,
    status: "active",
    ...values,
  });
  return id;
}

export async function seedTask(
  { system }: Database,
  at: Seeded & { sessionId: string },
  values: Partial<typeof task.$inferInsert> = {},
): Promise<string> {
  const id = uuidv7();
  await system.insert(task).values({
    id,
    ...at,
    issueNumber: 7,
    businessKey: id,
    deliveryId: "d",
    trigger: "comment",
    verb: "implement",
    instruction: "fix the login",
    options: {},
    requesterId: 1,
    requesterLogin: "alice",
    context: {},
    budgetMicroUsd: 5_000_000,
    ...values,
  });
  return id;
}

/** What a task leaves behind: two steps, some events, two model calls. */
export async function seedHistory(
  { system }: Database,
  at: { taskId: string; accountId: string },
  events: readonly { kind: string; data: unknown }[],
): Promise<void> {
  const from = new Date("2026-11-22T10:00:00Z");
  const later = (ms: number) => new Date(from.getTime() + ms);
  await system.insert(step).values([
    {
      ...at,
      name: "status-comment",
      fence: 1,
      status: "done",
      result: { commentId: 5 },
      startedAt: from,
      finishedAt: later(400),
    },
    { ...at, name: "push", fence: 1, status: "started", attempt: 2, startedAt: later(60_000) },
  ]);
  if (events.length > 0) {
    await system.insert(event).values(
      events.map((each, sequence) => ({
        ...at,
        fence: 1,
        sequence,
        ...each,
        createdAt: later(sequence * 1_000),
      })),
    );
  }
  const call = {
    ...at,
    fence: 1,
    model: "claude-sonnet-4-5",
    status: "settled" as const,
    reservedMicroUsd: 9_000,
  };
  await system.insert(modelCall).values([
    {
      ...call,
      id: uuidv7(),
      costMicroUsd: 3_000,
      inputTokens: 10,
      outputTokens: 20,
      cacheReadTokens: 30,
      cacheWrite5mTokens: 40,
    },
    { ...call, id: uuidv7(), costMicroUsd: 500, inputTokens: 1, outputTokens: 2, cacheWrite1hTokens: 4 },
  ]);
}
