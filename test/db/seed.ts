import { uuidv7 } from "uuidv7";
import { recordAudit } from "../../db/audit.ts";
import type { Db } from "../../db/client.ts";
import * as schema from "../../db/schema.ts";

export type Tenant = {
  accountId: string;
  installationId: number;
  repositoryId: number;
  sessionId: string;
  taskId: string;
};

let numbers = 1_000;

/** An account with one row in every tenant table; ids are new with every call. */
export async function seedTenant(system: Db): Promise<Tenant> {
  const tenant: Tenant = {
    accountId: uuidv7(),
    installationId: (numbers += 1),
    repositoryId: (numbers += 1),
    sessionId: uuidv7(),
    taskId: uuidv7(),
  };
  const { accountId, installationId, repositoryId, sessionId, taskId } = tenant;
  await system
    .insert(schema.account)
    .values({ id: accountId, githubId: (numbers += 1), login: "octo", kind: "User" });
  await system.insert(schema.installation).values({
    id: installationId,
    accountId,
    repositorySelection: "all",
    permissions: { contents: "write" },
  });
  await system
    .insert(schema.repository)
    .values({ id: repositoryId, accountId, installationId, owner: "octo", name: "hello", private: true });
  await system.insert(schema.session).values(newSession(tenant));
  await system.insert(schema.task).values(newTask(tenant));
  const ofTask = { accountId, taskId, fence: 1 };
  await system.insert(schema.step).values({ ...ofTask, name: "push", status: "started" });
  await system.insert(schema.event).values({ ...ofTask, sequence: 1, kind: "text", data: { text: "hello" } });
  await system
    .insert(schema.turnToken)
    .values({ ...ofTask, tokenHash: `hash of ${taskId}`, expiresAt: new Date("2030-01-01T00:00:00Z") });
  const callId = uuidv7();
  await system
    .insert(schema.modelCall)
    .values({ ...ofTask, id: callId, model: "m", status: "settled", reservedMicroUsd: 10, costMicroUsd: 5 });
  await system.insert(schema.usage).values(newUsage(tenant, callId));
  await system
    .insert(schema.reply)
    .values({ accountId, repositoryId, issueNumber: 1, kind: "reply", key: `reply-${taskId}` });
  await system.insert(schema.sandbox).values({
    provider: "local",
    id: `machine of ${taskId}`,
    accountId,
    sessionId,
    fence: 1,
    status: "running",
  });
  await system.insert(schema.checkpoint).values({
    ...ofTask,
    id: uuidv7(),
    sessionId,
    baseSha: "0".repeat(40),
    treeSha: "1".repeat(40),
    claudeSessionId: "00000000-0000-4000-8000-000000000001",
    bytes: 1,
  });
  await system.insert(schema.steering).values({
    ...{ id: uuidv7(), accountId, taskId, commentId: 1, author: "mona", text: "and the docs" },
  });
  await system.insert(schema.feedback).values({
    ...{ id: uuidv7(), accountId, sessionId, repositoryId, pullNumber: 2, kind: "comment", commentId: 2 },
    ...{ deliveryId: `feedback of ${taskId}`, authorId: 7, authorLogin: "mona", body: "nice" },
    commentedAt: new Date("2026-01-01T00:00:00Z"),
  });
  await system.insert(schema.ignoredTrigger).values({
    ...{ deliveryId: `ignored of ${taskId}`, accountId, repositoryId, issueNumber: 1, what: "a comment" },
    ...{ actorId: 8, actorLogin: "eve", reason: "no-write-access" },
  });
  await system.insert(schema.greeting).values({ accountId, userId: 7 });
  await system.insert(schema.savedTask).values({
    ...{ repositoryId, name: "deps", accountId, verb: "implement", instruction: "update them", options: {} },
    ...{ savedById: 7, savedByLogin: "mona" },
  });
  await system.insert(schema.sandboxUse).values(newSandboxUse(tenant));
  const charged = newCharge(tenant);
  await system.insert(schema.charge).values(charged);
  await system.insert(schema.billingOutbox).values(newOutboxRow(tenant, charged.id));
  await system
    .insert(schema.budgetAlert)
    .values({ accountId, scope: "account", key: accountId, period: "2026-01", percent: 50, taskId });
  await system.insert(schema.billingAccount).values({
    ...{ accountId, stripeCustomerId: `cus_${taskId}`, subscriptionId: `sub_${taskId}` },
    ...{ subscriptionStatus: "active", readAt: new Date("2026-01-01T00:00:00Z") },
  });
  await system
    .insert(schema.billingNotice)
    .values({ accountId, notice: "no-plan", period: "2026-01-01", deliveryId: "d" });
  await recordAudit(system, { accountId, act: "task-created", actor: "user:7", data: { task: taskId } });
  return tenant;
}

export function newSandboxUse({
  accountId,
  taskId,
  sessionId,
}: Tenant): typeof schema.sandboxUse.$inferInsert {
  return {
    ...{ id: uuidv7(), accountId, taskId, sessionId, attempt: 1, sequence: 1 },
    ...{ provider: "local", sandboxId: `machine of ${taskId}`, vcpus: 2, memoryMib: 2048 },
    ...{ startedAt: new Date("2026-01-01T00:00:00Z"), endedAt: new Date("2026-01-01T00:00:30Z") },
    ...{ costMicroUsd: 9, card: "2026-11" },
  };
}

export function newCharge(tenant: Tenant): typeof schema.charge.$inferInsert {
  const { accountId, taskId, sessionId, repositoryId } = tenant;
  return {
    ...{ id: uuidv7(), accountId, taskId, sessionId, repositoryId, requesterId: 7, leg: 1, revision: 1 },
    ...{ kind: "charge", reason: "done", card: "2026-11", lastAttempt: 1 },
    ...{ costMicroUsd: 10_000, priceMicroUsd: 12_000, amountCents: 1 },
  };
}

export function newOutboxRow(
  { accountId, taskId }: Tenant,
  chargeId: string,
): typeof schema.billingOutbox.$inferInsert {
  return {
    ...{ id: uuidv7(), accountId, chargeId, kind: "meter-event", identifier: `${taskId}:1:1` },
    ...{ valueCents: 1, eventAt: new Date("2026-01-01T00:00:00Z") },
  };
}

/** What a waiting task must have. */
export const openQuestion = {
  kind: "plan",
  text: "Shall I?",
  sha: null,
  askedAt: "2026-01-01T00:00:00Z",
  expiresAt: "2026-01-08T00:00:00Z",
} as const;

export function newSession(tenant: Omit<Tenant, "taskId">): typeof schema.session.$inferInsert {
  const { sessionId: id, accountId, repositoryId } = tenant;
  return {
    id,
    accountId,
    repositoryId,
    issueNumber: 1,
    branch: `claude/1-${id}`,
    claudeSessionId: "00000000-0000-4000-8000-000000000001",
  };
}

export function newTask(tenant: Tenant): typeof schema.task.$inferInsert {
  const { taskId: id, accountId, sessionId, installationId, repositoryId } = tenant;
  return {
    id,
    accountId,
    sessionId,
    installationId,
    repositoryId,
    issueNumber: 1,
    businessKey: `comment:${id}`,
    deliveryId: `delivery of ${id}`,
    trigger: "comment",
    verb: "implement",
    instruction: "fix it",
    options: {},
    requesterId: 7,
    requesterLogin: "mona",
    context: {},
    budgetMicroUsd: 1_000,
  };
}

export function newUsage(tenant: Tenant, modelCallId: string): typeof schema.usage.$inferInsert {
  const { accountId, taskId, sessionId } = tenant;
  return {
    id: uuidv7(),
    accountId,
    taskId,
    sessionId,
    attempt: 1,
    modelCallId,
    model: "m",
    inputTokens: 1,
    outputTokens: 2,
    cacheReadTokens: 3,
    cacheWrite5mTokens: 4,
    cacheWrite1hTokens: 5,
    costMicroUsd: 5,
    priceMicroUsd: 6,
    fault: "none",
  };
}
