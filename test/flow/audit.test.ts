import { eq } from "drizzle-orm";
import { expect, test } from "vitest";
import { verifyAudit } from "../../db/audit-verify.ts";
import { account, audit } from "../../db/schema.ts";
import { changeNothing } from "../standins/model/scenarios.ts";
import { shareWorld } from "./share-world.ts";

/** What the log tells of one issue afterwards. */

const world = shareWorld({ scenario: changeNothing() });

async function readLog() {
  const { system } = world().database.database;
  return system
    .select({ act: audit.act, actor: audit.actor, data: audit.data, login: account.login })
    .from(audit)
    .leftJoin(account, eq(account.id, audit.accountId))
    .orderBy(audit.at, audit.sequence);
}

test("who was let in or not, what began and ended, and what each token might do, in chains that hold", async () => {
  const { github, repository } = world();
  const { issueNumber } = await world().ask("/claude look");
  const task = await world().untilReported(issueNumber);
  await github.as("bob").comment(repository, issueNumber, "/claude delete everything");
  const log = await world().until("the outsider is in the log", async () => {
    const rows = await readLog();
    return rows.some(({ act }) => act === "gate-refused") ? rows : null;
  });
  const ofAccount = log.filter(({ login }) => login !== null);
  const acts = ofAccount.map(({ act }) => act);
  const order = ["gate-admitted", "task-created", "task-ended", "gate-refused"] as const;
  expect(acts.filter((act) => order.some((one) => one === act))).toEqual(order);
  expect(ofAccount.find(({ act }) => act === "task-created")).toMatchObject({
    actor: `user:${task.requesterId}`,
    data: { task: task.id, issue: issueNumber, trigger: "comment", verb: "implement" },
  });
  expect(ofAccount.find(({ act }) => act === "task-ended")?.data).toMatchObject({
    ...{ task: task.id, status: "completed" },
  });
  const scopes = ofAccount.filter(({ act }) => act === "token-minted").map(({ data }) => data.scope);
  expect(scopes.length).toBeGreaterThan(1);
  expect(JSON.stringify(scopes)).not.toContain("workflows");
  const keys = log.filter(({ act }) => act === "key-in-use").map(({ data }) => data.key);
  expect(new Set(keys)).toEqual(new Set(["encryption-key", "app-private-key"]));
  expect(JSON.stringify(log)).not.toMatch(/gh[a-z]_|PRIVATE KEY|sk-ant/);
  const chains = await verifyAudit(world().database.database.system);
  expect(chains.map(({ problem }) => problem)).toEqual([null, null]);
});
