import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import { environment, type Environment } from "./environment.ts";
import { UserError } from "./errors.ts";
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

export type GitHubApp = { id: number; privateKey: string; webhookSecrets: readonly [string, ...string[]] };

export type Config = {
  /** Null: no App variable is set at all, only /setup and /healthz answer. */
  app: GitHubApp | null;
  github: { apiUrl: string; serverUrl: string };
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
  const present = Object.fromEntries(
    Object.entries(source).filter(([, value]) => value !== undefined && value !== ""),
  );
  const parsed = environment.safeParse(present);
  const problems = parsed.success
    ? []
    : parsed.error.issues.map(
        (issue) => `${issue.path.join(".")}: ${issue.message}${came(present, issue.path[0])}`,
      );
  problems.push(...appProblems(present));
  if (parsed.success) problems.push(...sandboxProblems(parsed.data), ...checkpointProblems(parsed.data));
  if (!parsed.success || problems.length > 0) throw invalid(problems);
  return toConfig(parsed.data);
}

const secretNames = /KEY|SECRET|TOKEN|DATABASE_URL/;

function came(source: Record<string, string | undefined>, name: PropertyKey | undefined): string {
  const value = typeof name === "string" ? source[name] : undefined;
  if (value === undefined || typeof name !== "string") return "";
  return secretNames.test(name) ? `, got ${value.length} characters` : `, got ${JSON.stringify(value)}`;
}

/** Half an App is worse than none: webhooks would be accepted that nobody can answer. */
function appProblems(source: Record<string, string | undefined>): string[] {
  const has = {
    APP_ID: source.APP_ID !== undefined,
    "PRIVATE_KEY or PRIVATE_KEY_PATH":
      source.PRIVATE_KEY !== undefined || source.PRIVATE_KEY_PATH !== undefined,
    WEBHOOK_SECRET: source.WEBHOOK_SECRET !== undefined,
  };
  const missing = Object.entries(has).flatMap(([name, present]) => (present ? [] : [name]));
  const problems: string[] = [];
  if (missing.length > 0 && missing.length < 3) {
    problems.push(
      `${missing.join(", ")}: missing, while other variables of the GitHub App are set; set all of them, or none to start with /setup`,
    );
  }
  if (source.PRIVATE_KEY !== undefined && source.PRIVATE_KEY_PATH !== undefined) {
    problems.push("PRIVATE_KEY and PRIVATE_KEY_PATH: both are set; keep one");
  }
  if (source.ANTHROPIC_API_KEY !== undefined && source.CLAUDE_CODE_OAUTH_TOKEN !== undefined) {
    problems.push("ANTHROPIC_API_KEY and CLAUDE_CODE_OAUTH_TOKEN: both are set; keep one");
  }
  return problems;
}

function invalid(problems: readonly string[]): UserError {
  return new UserError(
    "config-invalid",
    `The configuration has ${problems.length === 1 ? "a mistake" : `${problems.length} mistakes`}:\n${problems.map((line) => `  - ${line}`).join("\n")}`,
    "Mend them in the environment or in .env (every variable is described in .env.example) and start again.",
  );
}

function toConfig(env: Environment): Config {
  return {
    app: readApp(env),
    github: { apiUrl: env.GITHUB_API_URL, serverUrl: env.GITHUB_SERVER_URL },
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

function readApp(env: Environment): GitHubApp | null {
  if (env.APP_ID === undefined || env.WEBHOOK_SECRET === undefined) return null;
  const privateKey = readPrivateKey(env);
  const previous = env.WEBHOOK_SECRET_PREVIOUS;
  return {
    id: env.APP_ID,
    privateKey,
    webhookSecrets: [env.WEBHOOK_SECRET, ...(previous === undefined ? [] : [previous])],
  };
}

function readPrivateKey(env: Environment): string {
  let key = env.PRIVATE_KEY ?? "";
  if (env.PRIVATE_KEY_PATH !== undefined) {
    try {
      key = readFileSync(env.PRIVATE_KEY_PATH, "utf8");
    } catch (cause) {
      throw new UserError(
        "config-invalid",
        `PRIVATE_KEY_PATH: expected a readable PEM file, got ${env.PRIVATE_KEY_PATH}`,
        "Point it at the .pem file that GitHub gave you when the key was made.",
        { cause },
      );
    }
  }
  const pem = key.replaceAll("\\n", "\n").trim();
  if (!/^-----BEGIN [A-Z ]*PRIVATE KEY-----\n[\s\S]+\n-----END [A-Z ]*PRIVATE KEY-----$/.test(pem)) {
    throw invalid(["PRIVATE_KEY: expected a PEM private key (-----BEGIN … PRIVATE KEY-----)"]);
  }
  return pem;
}

function readCredential(env: Environment): Config["model"]["credential"] {
  if (env.ANTHROPIC_API_KEY !== undefined) return { header: "x-api-key", value: env.ANTHROPIC_API_KEY };
  if (env.CLAUDE_CODE_OAUTH_TOKEN !== undefined) {
    return { header: "authorization", value: `Bearer ${env.CLAUDE_CODE_OAUTH_TOKEN}` };
  }
  return null;
}
