import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { openDatabase, type Database } from "../../db/client.ts";
import { migrateUp } from "../../db/migrate.ts";
import { readConfig, type Config } from "../../src/config.ts";
import { startEmbeddedPostgres } from "../../src/embedded-postgres.ts";
import { installQueue } from "../../src/queue/queue.ts";
import { readAppManifest } from "../../src/web/app-manifest.ts";
import { startGitHub, type GitHubStandin } from "../../test/standins/github/github.ts";

/** The bot's server and workers as processes of their own, with a GitHub and a PostgreSQL of their own. */
export type Bot = {
  github: GitHubStandin;
  app: Awaited<ReturnType<GitHubStandin["createApp"]>>;
  database: Database;
  url: string;
  /** What a worker with these variables reads of them. */
  config: (extra: Record<string, string>) => Config;
  /** Resolves when it takes jobs. */
  startWorker: (extra: Record<string, string>) => Promise<ChildProcess>;
  /** One stands from the beginning; another one takes its port when that has ended. Resolves when it listens. */
  startServer: (extra: Record<string, string>) => Promise<ChildProcess>;
  server: ChildProcess;
  /** Ends processes first, then what they used. */
  close(): Promise<void>;
};

/** `port` is the server's; `env` is for the server and for every worker. */
export async function openBot(input: {
  port: number;
  env: Record<string, string>;
  /** PostgreSQL's own. */
  settings?: Record<string, string>;
}): Promise<Bot> {
  const folder = await mkdtemp(join(tmpdir(), "bench-bot-"));
  const [clusterDir, dataDir] = [join(folder, "postgres"), join(folder, "data")];
  await Promise.all([clusterDir, dataDir].map((each) => mkdir(each)));
  const postgres = await startEmbeddedPostgres({ dataDir: clusterDir, settings: input.settings ?? {} });
  await migrateUp(postgres.url, { afterUp: installQueue });
  const database = openDatabase({ url: postgres.url });
  const github = await startGitHub();
  const url = `http://127.0.0.1:${input.port}`;
  github.createUser("alice");
  github.createOrganization("operators");
  const { manifest } = readAppManifest();
  const app = await github.createApp({
    name: "Remote Claude",
    owner: "operators",
    permissions: manifest.default_permissions,
    events: manifest.default_events,
    webhookUrl: `${url}/api/github/webhooks`,
  });
  const env: Record<string, string> = {
    ...{ APP_ID: String(app.id), PRIVATE_KEY: app.privateKey, WEBHOOK_SECRET: app.webhookSecret },
    ...{ GITHUB_API_URL: github.apiUrl, GITHUB_SERVER_URL: github.url },
    ...{ HOST: "127.0.0.1", PORT: String(input.port), PUBLIC_URL: url },
    ...{ DATABASE_URL: postgres.url, DATA_DIR: dataDir },
    // Hundreds of tasks of one account at once must not wait for room in its budget.
    ...{ ACCOUNT_MONTHLY_BUDGET_USD: "1000000" },
    ...input.env,
  };
  const children: ChildProcess[] = [];
  const start = async (script: string, extra: Record<string, string>, word: string) => {
    const child = spawn(process.execPath, [fileURLToPath(new URL(`../../src/${script}`, import.meta.url))], {
      env: { PATH: process.env.PATH, ...env, ...extra },
      stdio: ["ignore", "pipe", "inherit"],
    });
    children.push(child);
    await untilItSays(child, script, word);
    return child;
  };
  const bot: Bot = {
    ...{ github, app, database, url },
    startServer: (extra) => start("server.ts", extra, "listen"),
    server: await start("server.ts", {}, "listen"),
    config: (extra) => readConfig({ ...env, ...extra }),
    startWorker: (extra) => start("worker.ts", extra, "takes jobs"),
    async close() {
      await Promise.all(children.map((child) => end(child)));
      await github.drained();
      await github.close();
      await database.close();
      await postgres.stop();
      await rm(folder, { recursive: true, force: true, maxRetries: 3 });
      if (github.violations.length > 0)
        throw new Error(`GitHub would not have accepted: ${github.violations.join("; ")}`);
    },
  };
  return bot;
}

/** Ends a process that a bench started; at once, for nothing of it is needed any more. */
export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}

async function untilItSays(child: ChildProcess, script: string, word: string): Promise<void> {
  if (child.stdout === null) throw new Error("expected a process with piped output");
  const said: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    said.push(line);
    if (!line.includes(word)) continue;
    child.stdout.resume();
    return;
  }
  throw new Error(`${script} ended before it was ready:\n${said.slice(-5).join("\n")}`);
}
