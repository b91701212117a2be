import { randomInt, randomUUID } from "node:crypto";
import type Stripe from "stripe";
import { account, billingAccount, installation, repository, session, task, usage } from "../../db/schema.ts";
import type { ChargeReason } from "../../src/billing/who-pays.ts";
import type { Database } from "../../db/client.ts";

export type Payer = { accountId: string; customerId: string };

/** Customers at Stripe, each an account with tasks whose legs have used something and are not charged yet. */
export async function createTasks(
  { system }: Database,
  { stripe, accounts, tasksEach }: { stripe: Stripe; accounts: number; tasksEach: number },
): Promise<Payer[]> {
  const payers: Payer[] = [];
  for (let n = 0; n < accounts; n++) {
    const accountId = randomUUID();
    const { id: customerId } = await stripe.customers.create({ name: `storm-${n}` });
    const githubId = randomInt(2 ** 40);
    await system
      .insert(account)
      .values({ id: accountId, githubId, login: `storm-${n}`, kind: "Organization" });
    await system.insert(installation).values({
      ...{ id: githubId, accountId, repositorySelection: "all", permissions: {} },
    });
    await system.insert(repository).values({
      ...{ id: githubId, accountId, installationId: githubId },
      ...{ owner: `storm-${n}`, name: "app", private: false },
    });
    await system.insert(billingAccount).values({ accountId, stripeCustomerId: customerId });
    const tasks = Array.from({ length: tasksEach }, (_, index) => taskOf(accountId, githubId, index));
    await system.insert(session).values(tasks.map((of) => of.session));
    await system.insert(task).values(tasks.map((of) => of.task));
    await system.insert(usage).values(tasks.flatMap((of) => of.usage));
    payers.push({ accountId, customerId });
  }
  return payers;
}

/** Why the leg ends stands in the instruction, where a worker of the storm reads it. */
export function reasonOf(index: number): ChargeReason {
  if (index % 10 === 7) return "platform-fault";
  if (index % 15 === 4) return "provider-fault";
  return index % 6 === 2 ? "cap-reached" : "done";
}

function taskOf(accountId: string, githubId: number, index: number) {
  const [id, sessionId] = [randomUUID(), randomUUID()];
  const of = { accountId, taskId: id, sessionId, attempt: 1, model: "m" };
  const tokens = {
    ...{ inputTokens: 1, outputTokens: 1, cacheReadTokens: 0 },
    ...{ cacheWrite5mTokens: 0, cacheWrite1hTokens: 0 },
  };
  const cost = 10_000 + 137_911 * index;
  const paid = { ...of, ...tokens, costMicroUsd: cost, priceMicroUsd: cost, fault: "none" as const };
  const lost = { ...paid, priceMicroUsd: 0, fault: "platform" as const };
  return {
    session: {
      ...{ id: sessionId, claudeSessionId: randomUUID(), accountId, repositoryId: githubId },
      ...{ issueNumber: index + 1, branch: `claude/${index + 1}-x` },
    },
    task: {
      ...{ id, accountId, sessionId, installationId: githubId, repositoryId: githubId },
      ...{ issueNumber: index + 1, businessKey: id, deliveryId: "d", trigger: "comment" as const },
      ...{ verb: "task" as const, instruction: reasonOf(index), options: {}, context: {} },
      ...{ requesterId: 1, requesterLogin: "mona", status: "running" as const, fence: 1 },
      budgetMicroUsd: 5_000_000,
    },
    usage: [paid, ...(index % 4 === 1 ? [lost] : [])].map((row) => ({
      ...row,
      ...{ id: randomUUID(), modelCallId: randomUUID() },
    })),
  };
}
