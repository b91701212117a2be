import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { sql } from "drizzle-orm";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readConfig } from "../../src/config.ts";
import { TransientError } from "../../src/errors.ts";
import { createAppDeliveries } from "../../src/github/app-deliveries.ts";
import { createGitHub } from "../../src/github/octokit.ts";
import { openQueue, type Queue } from "../../src/queue/queue.ts";
import { buryDelivery } from "../../src/webhooks/delivery-store.ts";
import { openDeliveryStore, type DeliveryStore } from "../../src/webhooks/intake-store.ts";
import { recoverMissedDeliveries, type MissedDeliveriesDeps } from "../../src/webhooks/missed-deliveries.ts";
import { recordWatermark } from "../../src/webhooks/watermark-store.ts";
import { silent } from "../queue/start-worker.ts";
import { startGitHub, type GitHubStandin } from "../standins/github/github.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

const minuteMs = 60_000;
let home: TestDatabase;
let github: GitHubStandin;
let queue: Queue;
let store: DeliveryStore;
/** Where GitHub delivers to; it answers 500, as a bot in trouble does. */
let target: Server;
let deps: MissedDeliveriesDeps;
/** What the bot takes for now; GitHub's clock is the real one. */
let ahead = 0;

beforeEach(async () => {
  home = await createTestDatabase();
  github = await startGitHub();
  queue = await openQueue({ url: home.url, log: silent, mode: "send" });
  store = openDeliveryStore({ url: home.url, system: home.database.system, queue });
  target = createServer((_request, response) => response.writeHead(500).end());
  await new Promise<void>((resolve) => target.listen(0, "127.0.0.1", resolve));
  github.createOrganization("acme");
  const app = await github.createApp({
    name: "Remote Claude",
    owner: "acme",
    permissions: { metadata: "read", issues: "write" },
    events: ["issues", "issue_comment"],
    webhookUrl: `http://127.0.0.1:${(target.address() as AddressInfo).port}`,
  });
  await github.createRepository({ owner: "acme", name: "widgets", files: { "README.md": "# widgets\n" } });
  github.createUser("alice");
  github.setRole("acme/widgets", "alice", "write");
  github.install({ app, owner: "acme", repositories: "all" });
  const config = {
    github: { apiUrl: github.apiUrl, serverUrl: github.url },
    app: { id: app.id, privateKey: app.privateKey, webhookSecrets: [app.webhookSecret] as const },
  };
  ahead = 0;
  deps = {
    deliveries: createAppDeliveries(createGitHub({ config, log: silent }).app),
    system: home.database.system,
    store,
    clock: { now: () => new Date(Date.now() + ahead) },
    log: silent,
  };
});

afterEach(async () => {
  await github.drained();
  await github.close();
  target.closeAllConnections();
  await new Promise((resolve) => target.close(resolve));
  await store.close();
  await queue.stop();
  await home.close();
  expect(github.violations).toEqual([]);
});

async function comment(...texts: string[]) {
  const alice = github.as("alice");
  const issue = await alice.createIssue("acme/widgets", { title: "Broken", body: "It does not turn." });
  for (const text of texts) await alice.comment("acme/widgets", issue.number, text);
  await github.drained();
}

async function rows(status?: string) {
  const found = await home.database.system.execute<{
    id: string;
    event: string;
    status: string;
    source: string;
  }>(sql`select id, event, status, source from delivery where event <> 'installation' order by received_at`);
  return found.filter((row) => status === undefined || row.status === status);
}

async function jobCount() {
  const [row] = await home.database.system.execute<{ n: number }>(
    sql`select count(*)::int as n from pgboss.job where name = 'intake' and data->>'deliveryId' in
        (select id from delivery where event <> 'installation')`,
  );
  return row?.n;
}

test("what was sent while the bot was away is found, made into jobs once, and not searched for again", async () => {
  await comment("/claude fix it", "thanks", "/claude and this");
  expect(await recoverMissedDeliveries(deps)).toMatchObject({ recovered: 4, redelivered: 0 });
  expect(await rows()).toMatchObject([
    { event: "issue_comment", source: "recovered" },
    { event: "issue_comment", source: "recovered" },
    { event: "issue_comment", source: "recovered" },
  ]);
  expect(await rows("queued")).toHaveLength(2);
  expect(await jobCount()).toBe(2);
  expect(await recoverMissedDeliveries(deps)).toMatchObject({ recovered: 0 });
  expect(await jobCount()).toBe(2);
});

test("a delivery that came in the other way meanwhile is left alone", async () => {
  await comment("/claude fix it");
  const [first, second] = await Promise.all([recoverMissedDeliveries(deps), recoverMissedDeliveries(deps)]);
  expect(first.recovered + second.recovered).toBe(2);
  expect(await jobCount()).toBe(1);
});

test("after half an hour away the first round finds all of it, and rounds come more often than every ten minutes", async () => {
  await recordWatermark(home.database.system, "missed-deliveries", new Date().toISOString());
  await comment("/claude fix it", "/claude and this", "/claude and that");
  ahead = 30 * minuteMs;
  expect(await recoverMissedDeliveries(deps)).toMatchObject({ recovered: 4 });
  expect(await jobCount()).toBe(3);
  expect(readConfig({}).missedDeliveriesMinutes).toBeLessThanOrEqual(10);
});

test("more than one page is searched", async () => {
  await comment(
    ...Array.from({ length: 120 }, (_, index) => (index % 40 === 0 ? "/claude fix it" : "noise")),
  );
  expect(await recoverMissedDeliveries(deps)).toMatchObject({ recovered: 121 });
  expect(await jobCount()).toBe(3);
});

test("a new database looks back ten minutes, a known one to where it left off, and never beyond three days", async () => {
  await comment("/claude fix it");
  ahead = 11 * minuteMs;
  expect(await recoverMissedDeliveries(deps)).toMatchObject({ listed: 0, recovered: 0 });
  await recordWatermark(home.database.system, "missed-deliveries", new Date().toISOString());
  ahead = 4 * 24 * 60 * minuteMs;
  expect(await recoverMissedDeliveries(deps)).toMatchObject({ listed: 0, recovered: 0 });
  await recordWatermark(home.database.system, "missed-deliveries", new Date().toISOString());
  ahead = 60 * minuteMs;
  expect(await recoverMissedDeliveries(deps)).toMatchObject({ recovered: 2 });
});

test("what died here and was redelivered there runs again", async () => {
  await comment("/claude fix it");
  await recoverMissedDeliveries(deps);
  const [row] = await rows();
  await buryDelivery(home.database.system, row?.id ?? "", "used up");
  expect(await recoverMissedDeliveries(deps)).toMatchObject({ recovered: 0 });
  const sent = github.deliveries().find(({ guid }) => guid === row?.id);
  await deps.deliveries.redeliver(String(sent?.id));
  await github.drained();
  // GitHub's times are whole seconds, and the one of the redelivery must lie behind the death.
  await home.database.system.execute(
    sql`update delivery set processed_at = processed_at - interval '2 seconds'`,
  );
  expect(await recoverMissedDeliveries(deps)).toMatchObject({ recovered: 1 });
  expect(await rows()).toMatchObject([{ id: row?.id, status: "queued" }]);
});

test("a body that GitHub no longer has is asked for by a redelivery", async () => {
  await comment("/claude fix it");
  github.faults.add({
    operationId: "apps/get-webhook-delivery",
    when: "before",
    status: 200,
    body: { request: { headers: {}, payload: null } },
    times: 2,
  });
  expect(await recoverMissedDeliveries(deps)).toMatchObject({ recovered: 0, redelivered: 2 });
  await github.drained();
  expect(github.deliveries().filter(({ redelivery }) => redelivery)).toHaveLength(2);
});

test("GitHub in trouble: the round fails, and the next one searches the same time", async () => {
  await comment("/claude fix it");
  await recordWatermark(
    home.database.system,
    "missed-deliveries",
    new Date(Date.now() - 1_000).toISOString(),
  );
  github.faults.add({ operationId: "apps/get-webhook-delivery", when: "before", status: 502 });
  await expect(recoverMissedDeliveries(deps)).rejects.toThrow(TransientError);
  ahead = 60 * minuteMs;
  expect((await recoverMissedDeliveries(deps)).recovered).toBeGreaterThan(0);
  expect(await jobCount()).toBe(1);
});

test("a drain ends the search", async () => {
  await comment("/claude fix it");
  await expect(
    recoverMissedDeliveries(deps, { signal: AbortSignal.abort(new Error("stop")) }),
  ).rejects.toThrow("stop");
});
