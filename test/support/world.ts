import { spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { desc } from "drizzle-orm";
import { expect } from "vitest";
import { task } from "../../db/schema.ts";
import { readConfig, type Config } from "../../src/config.ts";
import { createGitHub } from "../../src/github/octokit.ts";
import { createLogger } from "../../src/log.ts";
import { startServer, type RunningServer } from "../../src/server.ts";
import { readAppManifest } from "../../src/web/app-manifest.ts";
import { startWorker, type Worker } from "../../src/worker.ts";
import { startGitHub, type GitHubStandin } from "../standins/github/github.ts";
import { startModel, type ModelStandin } from "../standins/model/start-model.ts";
import type { Scenario } from "../standins/model/reply.ts";
import { systemClock } from "../../src/clock.ts";
import { openFleet } from "../../src/sandbox/open-fleet.ts";
import { pauseIdleSandboxes } from "../../src/sessions/pause-idle.ts";
import type { E2bStandin } from "../standins/e2b/start-e2b.ts";
import type { DaytonaStandin } from "../standins/daytona/start-daytona.ts";
import { openDaytona } from "./open-daytona.ts";
import { openE2b } from "./open-e2b.ts";
import { sendLog, type LogSink } from "./send-log.ts";
import { findFreePort } from "./free-port.ts";
import { createTestDatabase, type TestDatabase } from "./database.ts";

export type TaskRow = typeof task.$inferSelect;

/** The whole program on real servers: GitHub, the model, PostgreSQL, the bot's own two processes. */
export type World = {
  github: GitHubStandin;
  model: ModelStandin;
  /** Null unless asked for. */
  e2b: E2bStandin | null;
  daytona: DaytonaStandin | null;
  database: TestDatabase;
  config: Config & { databaseUrl: string };
  app: Awaited<ReturnType<GitHubStandin["createApp"]>>;
  installation: ReturnType<GitHubStandin["install"]>;
  server: RunningServer;
  /** owner/name; alice may write to it, bob may not. */
  repository: string;
  startWorker(): Promise<Worker>;
  /** The worker as a process of its own, to be killed. */
  spawnWorker(env?: Record<string, string>): ChildProcess;
  /** alice opens an issue and comments on it. */
  ask(
    command: string,
    issue?: { title?: string; body?: string },
  ): Promise<{ issueNumber: number; commentId: number }>;
  /** GitHub's "Redeliver" of one delivery. */
  redeliver(deliveryId: number): Promise<void>;
  /** The round that pauses idle machines, as if every machine had been idle for long enough. */
  pauseIdle(): Promise<void>;
  tasks(): Promise<TaskRow[]>;
  /** Waits until the newest task of the issue has ended and its thread has heard of it. */
  untilReported(issueNumber: number, options?: { count?: number; timeoutMs?: number }): Promise<TaskRow>;
  until<T>(what: string, check: () => Promise<T | null | undefined | false>, timeoutMs?: number): Promise<T>;
  close(): Promise<void>;
};

export type WorldOptions = {
  scenario?: Scenario;
  files?: Record<string, string>;
  env?: Record<string, string>;
  defaultBranch?: string;
  private?: boolean;
  empty?: boolean;
  /** Sandboxes at an E2B of its own first, local ones when it is away. */
  e2b?: true | { apiKey: string };
  /** Sandboxes at a Daytona of its own. */
  daytona?: { apiKey: string };
  /** The only key that the model accepts, and the bot's. */
  modelKey?: string;
  /** Takes all log lines instead of stdout. */
  logTo?: LogSink;
};

const root = fileURLToPath(new URL("../..", import.meta.url));

export async function openWorld(options: WorldOptions = {}): Promise<World> {
  const dataDir = await mkdtemp(join(tmpdir(), "rc-world-"));
  const database = await createTestDatabase();
  const github = await startGitHub();
  const modelKey = options.modelKey ?? "sk-ant-standin";
  const model = await startModel({
    keys: [modelKey],
    ...(options.scenario === undefined ? {} : { scenario: options.scenario }),
  });
  github.createOrganization("acme");
  const { manifest } = readAppManifest();
  const app = await github.createApp({
    name: "Remote Claude",
    owner: "acme",
    permissions: manifest.default_permissions,
    events: manifest.default_events,
  });
  const repository = await github.createRepository({
    owner: "acme",
    name: "widgets",
    ...(options.empty === true
      ? { empty: true }
      : { files: options.files ?? { "README.md": "# widgets\n" } }),
    ...(options.defaultBranch === undefined ? {} : { defaultBranch: options.defaultBranch }),
    ...(options.private === undefined ? {} : { private: options.private }),
  });
  github.createUser("alice");
  github.createUser("bob");
  github.setRole(repository.fullName, "alice", "write");
  const env: Record<string, string> = {
    APP_ID: String(app.id),
    PRIVATE_KEY: app.privateKey,
    WEBHOOK_SECRET: app.webhookSecret,
    GITHUB_CLIENT_ID: app.clientId,
    GITHUB_CLIENT_SECRET: app.clientSecret,
    GITHUB_API_URL: github.apiUrl,
    GITHUB_SERVER_URL: github.url,
    HOST: "127.0.0.1",
    PORT: "0",
    DATABASE_URL: database.url,
    DATA_DIR: dataDir,
    ANTHROPIC_API_KEY: modelKey,
    ANTHROPIC_BASE_URL: model.url,
    LOG_LEVEL: process.env.TEST_LOG_LEVEL ?? "silent",
    ...options.env,
  };
  const remote =
    options.e2b === undefined
      ? null
      : await openE2b({ port: await findFreePort(), ...(options.e2b === true ? {} : options.e2b) });
  const atDaytona =
    options.daytona === undefined
      ? null
      : await openDaytona({ port: await findFreePort(), ...options.daytona });
  Object.assign(env, remote?.env, atDaytona?.env);
  const config = { ...readConfig(env), databaseUrl: database.url };
  const logger = (name: string) => {
    const log = createLogger(config, name);
    return options.logTo === undefined ? log : sendLog(log, options.logTo);
  };
  const server = await startServer({ config, log: logger("server") });
  github.setWebhook(app, { url: `${server.url}/api/github/webhooks` });
  const installation = github.install({ app, owner: "acme", repositories: "all" });
  const workers: Worker[] = [];
  const children: ChildProcess[] = [];
  const alice = github.as("alice");

  const tasks = () => database.database.system.select().from(task).orderBy(desc(task.id));
  const until: World["until"] = async (what, check, timeoutMs = 60_000) => {
    const deadline = Date.now() + timeoutMs;
    while (Date.now() < deadline) {
      const found = await check();
      if (found !== null && found !== undefined && found !== false) return found;
      await delay(25);
    }
    throw new Error(`waited ${timeoutMs} ms in vain until ${what}; tasks: ${JSON.stringify(await tasks())}`);
  };
  return {
    github,
    model,
    e2b: remote?.standin ?? null,
    daytona: atDaytona?.standin ?? null,
    database,
    config,
    app,
    installation,
    server,
    repository: repository.fullName,
    tasks,
    until,
    async redeliver(deliveryId) {
      const { app } = createGitHub({
        config: { ...config, app: config.app ?? unset() },
        log: logger("test"),
      });
      await app.rest.apps.redeliverWebhookDelivery({ delivery_id: deliveryId });
    },
    async pauseIdle() {
      const log = logger("test");
      const sandboxes = await openFleet(config, log);
      const idleNow = { sandbox: { idleMs: 0 } };
      await pauseIdleSandboxes({
        system: database.database.system,
        clock: systemClock,
        log,
        config: idleNow,
        sandboxes,
      });
    },
    async startWorker() {
      const worker = await startWorker(config, logger("worker"));
      workers.push(worker);
      return worker;
    },
    spawnWorker(extra = {}) {
      const child = spawn(process.execPath, [join(root, "src/worker.ts")], {
        cwd: root,
        env: { PATH: process.env.PATH, ...env, ...extra },
        stdio: ["ignore", "inherit", "inherit"],
      });
      children.push(child);
      return child;
    },
    async ask(command, issue = {}) {
      const opened = await alice.createIssue(repository.fullName, {
        title: issue.title ?? "Widgets are broken",
        body: issue.body ?? "They do not turn.",
      });
      const comment = await alice.comment(repository.fullName, opened.number, command);
      return { issueNumber: opened.number, commentId: comment.id };
    },
    untilReported: (issueNumber, { count = 1, timeoutMs = 60_000 } = {}) =>
      until(
        `task ${count} of issue ${issueNumber} is reported`,
        async () => {
          const rows = (await tasks()).filter((row) => row.issueNumber === issueNumber);
          const newest = rows[0];
          return rows.length >= count && rows.every((row) => row.reportedAt !== null) ? newest : null;
        },
        timeoutMs,
      ),
    async close() {
      await Promise.all(workers.map((worker) => worker.stop()));
      for (const child of children) if (child.exitCode === null) child.kill("SIGKILL");
      await server.close();
      await github.drained();
      await github.close();
      await model.close();
      await remote?.standin.close();
      await atDaytona?.standin.close();
      await database.close();
      await rm(dataDir, { recursive: true, force: true });
      expect(github.violations, "what GitHub would not have accepted").toEqual([]);
      expect(remote?.standin.violations ?? [], "what E2B would not have accepted").toEqual([]);
      expect(atDaytona?.standin.violations ?? [], "what Daytona would not have accepted").toEqual([]);
      expect(model.violations, "what the model's API would not have accepted").toEqual([]);
    },
  };
}

function unset(): never {
  throw new Error("the test world has an App");
}
