import { cpus } from "node:os";
import { billingProblems, readBilling, type BillingConfig } from "./billing-settings.ts";
import { environment, type Environment } from "./environment.ts";
import { appProblems, invalidConfig, readApp, readPrivateKey, type GitHubApp } from "./app-settings.ts";
import {
  type CheckpointConfig,
  checkpointProblems,
  type DaytonaConfig,
  type E2bConfig,
  readCheckpoints,
  readDaytona,
  readE2b,
  sandboxProblems,
} from "./sandbox-settings.ts";

export type { GitHubApp } from "./app-settings.ts";
export type { BillingConfig } from "./billing-settings.ts";

/** What the server knows of the App: it mints no tokens, so it has no key. */
export type ServerConfig = Omit<Config, "app"> & { app: Omit<GitHubApp, "privateKey"> | null };

export type Config = {
  /** Null: no App variable is set at all, only /setup and /healthz answer. */
  app: GitHubApp | null;
  github: { apiUrl: string; serverUrl: string };
  /** Null: nobody is billed. */
  billing: BillingConfig | null;
  /** The App's OAuth client; null: nobody can sign in. */
  signIn: { clientId: string; clientSecret: string } | null;
  server: { host: string; port: number; publicUrl: string | null; webhookProxyUrl: string | null };
  /** Null: the embedded PostgreSQL, which the supervisor owns. */
  databaseUrl: string | null;
  dataDir: string;
  model: {
    baseUrl: string;
    /** The credential as the header that carries it; null until one is set: tasks then end with an explanation. */
    credential: { header: "x-api-key" | "authorization"; value: string } | null;
    name: string;
  };
  sandbox: {
    /** In the order of fail-over. */
    providers: readonly Environment["SANDBOX_PROVIDER"][number][];
    isolation: "bwrap" | "none";
    claudeBin: string | null;
    egressHosts: readonly string[];
    idleMs: number;
    retentionMs: number;
    /** Null where it is no provider of ours. */
    e2b: E2bConfig | null;
    daytona: DaytonaConfig | null;
  };
  checkpoints: CheckpointConfig;
  limits: {
    concurrency: number;
    taskTimeoutMs: number;
    maxTurns: number;
    budgetMicroUsd: number;
    accountParallelTasks: number;
    accountMonthMicroUsd: number;
  };
  triggerLabel: string;
  /** User ids. */
  allowedBotIds: readonly number[];
  /** How long comments on a pull request of ours are collected into one task. */
  feedback: { quietMs: number; longestMs: number };
  missedDeliveriesMinutes: number;
  logLevel: Environment["LOG_LEVEL"];
};

/**
 * Reads the environment once, at boot. Throws a UserError `config-invalid` that lists everything wrong at once.
 * An empty variable counts as absent.
 */
export function readConfig(source: Record<string, string | undefined> = process.env): Config {
  const env = readEnvironment(source, { keyNeeded: true });
  const app = readApp(env);
  return { ...toConfig(env), app: app === null ? null : { ...app, privateKey: readPrivateKey(env) } };
}

/** The same for the server, without the App's private key, which it does not need and is not to have. */
export function readServerConfig(source: Record<string, string | undefined>): ServerConfig {
  const env = readEnvironment(source, { keyNeeded: false });
  return { ...toConfig(env), app: readApp(env) };
}

function readEnvironment(
  source: Record<string, string | undefined>,
  { keyNeeded }: { keyNeeded: boolean },
): Environment {
  const present = Object.fromEntries(
    Object.entries(source).filter(([, value]) => value !== undefined && value !== ""),
  );
  const parsed = environment.safeParse(present);
  const problems = parsed.success
    ? []
    : parsed.error.issues.map(
        (issue) => `${issue.path.join(".")}: ${issue.message}${came(present, issue.path[0])}`,
      );
  problems.push(...appProblems(present, keyNeeded));
  if (parsed.success)
    problems.push(
      ...sandboxProblems(parsed.data),
      ...checkpointProblems(parsed.data),
      ...billingProblems(parsed.data),
    );
  if (!parsed.success || problems.length > 0) throw invalidConfig(problems);
  return parsed.data;
}

const secretNames = /KEY|SECRET|TOKEN|DATABASE_URL/;

function came(source: Record<string, string | undefined>, name: PropertyKey | undefined): string {
  const value = typeof name === "string" ? source[name] : undefined;
  if (value === undefined || typeof name !== "string") return "";
  return secretNames.test(name) ? `, got ${value.length} characters` : `, got ${JSON.stringify(value)}`;
}

function toConfig(env: Environment): Omit<Config, "app"> {
  return {
    github: { apiUrl: env.GITHUB_API_URL, serverUrl: env.GITHUB_SERVER_URL },
    billing: readBilling(env),
    signIn: readSignIn(env),
    server: {
      host: env.HOST,
      port: env.PORT,
      publicUrl: env.PUBLIC_URL ?? null,
      webhookProxyUrl: env.WEBHOOK_PROXY_URL ?? null,
    },
    databaseUrl: env.DATABASE_URL ?? null,
    dataDir: env.DATA_DIR,
    model: { baseUrl: env.ANTHROPIC_BASE_URL, credential: readCredential(env), name: env.CLAUDE_MODEL },
    sandbox: {
      providers: env.SANDBOX_PROVIDER,
      isolation: env.SANDBOX_LOCAL_ISOLATION,
      claudeBin: env.CLAUDE_BIN ?? null,
      egressHosts: env.EGRESS_HOSTS,
      idleMs: env.SANDBOX_IDLE_MINUTES * 60_000,
      retentionMs: env.SANDBOX_RETENTION_DAYS * 86_400_000,
      e2b: readE2b(env),
      daytona: readDaytona(env),
    },
    checkpoints: readCheckpoints(env),
    limits: {
      concurrency: env.WORKER_CONCURRENCY ?? (env.SANDBOX_PROVIDER[0] === "local" ? 2 * cpus().length : 50),
      taskTimeoutMs: env.TASK_TIMEOUT_MINUTES * 60_000,
      maxTurns: env.TASK_MAX_TURNS,
      budgetMicroUsd: Math.round(env.TASK_BUDGET_USD * 1_000_000),
      accountParallelTasks: env.ACCOUNT_MAX_PARALLEL_TASKS,
      accountMonthMicroUsd: Math.round(env.ACCOUNT_MONTHLY_BUDGET_USD * 1_000_000),
    },
    triggerLabel: env.TRIGGER_LABEL,
    allowedBotIds: env.ALLOWED_BOT_IDS,
    feedback: { quietMs: env.FEEDBACK_QUIET_SECONDS * 1e3, longestMs: env.FEEDBACK_LONGEST_SECONDS * 1e3 },
    missedDeliveriesMinutes: env.MISSED_DELIVERIES_MINUTES,
    logLevel: env.LOG_LEVEL,
  };
}

function readSignIn(env: Environment): Config["signIn"] {
  const { GITHUB_CLIENT_ID: clientId, GITHUB_CLIENT_SECRET: clientSecret } = env;
  return clientId === undefined || clientSecret === undefined ? null : { clientId, clientSecret };
}

function readCredential(env: Environment): Config["model"]["credential"] {
  if (env.ANTHROPIC_API_KEY !== undefined) return { header: "x-api-key", value: env.ANTHROPIC_API_KEY };
  if (env.CLAUDE_CODE_OAUTH_TOKEN !== undefined) {
    return { header: "authorization", value: `Bearer ${env.CLAUDE_CODE_OAUTH_TOKEN}` };
  }
  return null;
}
