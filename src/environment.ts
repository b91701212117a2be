import { z } from "zod";
import { billingVariables } from "./billing-variables.ts";

const url = z.url({ protocol: /^https?$/ }).transform((value) => value.replace(/\/+$/, ""));
const integer = (min: number, max: number) => z.coerce.number().int().min(min).max(max);
const sandboxProviders = ["local", "e2b", "daytona"] as const;
const list = z.string().transform((value) =>
  value
    .split(",")
    .map((item) => item.trim())
    .filter(Boolean),
);

/**
 * Every variable the program reads, in the order of .env.example. The description is what .env.example and
 * docs/self-hosting.md say; a test holds them equal.
 */
export const environment = z.object({
  APP_ID: integer(1, Number.MAX_SAFE_INTEGER).optional().describe("The GitHub App's numeric id."),
  PRIVATE_KEY: z.string().optional().describe("The App's private key, PEM; newlines may be written as \\n."),
  PRIVATE_KEY_PATH: z
    .string()
    .optional()
    .describe("A file that holds the private key, instead of PRIVATE_KEY."),
  WEBHOOK_SECRET: z
    .string()
    .min(16, "expected at least 16 characters")
    .refine((value) => value !== "development", "the word development is known to everybody")
    .optional()
    .describe("The App's webhook secret, 16 characters or more."),
  WEBHOOK_SECRET_PREVIOUS: z
    .string()
    .min(16, "expected at least 16 characters")
    .optional()
    .describe("The secret before it, accepted as well while you rotate."),
  ...billingVariables,
  GITHUB_API_URL: url
    .default("https://api.github.com")
    .describe("REST base; https://HOST/api/v3 on GitHub Enterprise Server."),
  GITHUB_SERVER_URL: url.default("https://github.com").describe("Web and git base."),
  PUBLIC_URL: url.optional().describe("Where GitHub and remote sandboxes reach this server."),
  HOST: z.string().default("0.0.0.0").describe("The address to listen on."),
  PORT: integer(0, 65535).default(3000).describe("The port to listen on; 0 picks a free one."),
  WEBHOOK_PROXY_URL: url.optional().describe("A smee.io channel, for development without a public URL."),
  DATABASE_URL: z
    .url({ protocol: /^postgres(ql)?$/ })
    .optional()
    .describe("PostgreSQL 15 or newer; absent: an embedded PostgreSQL under DATA_DIR."),
  DATA_DIR: z.string().min(1).default("./data").describe("Mirrors, embedded database, local sandboxes."),
  ENCRYPTION_KEY: z
    .base64()
    .refine(
      (value) => Buffer.from(value, "base64").length === 32,
      "expected 32 bytes in base64 (openssl rand -base64 32)",
    )
    .optional()
    .describe(
      "32 bytes in base64, for what is kept at rest; absent: made once, in DATA_DIR (several machines need one and the same).",
    ),
  ANTHROPIC_API_KEY: z.string().optional().describe("The model key; it stays in the gateway."),
  CLAUDE_CODE_OAUTH_TOKEN: z
    .string()
    .optional()
    .describe("A Claude subscription token instead of ANTHROPIC_API_KEY."),
  ANTHROPIC_BASE_URL: url
    .default("https://api.anthropic.com")
    .describe("Where the gateway reaches the model."),
  CLAUDE_MODEL: z.string().default("claude-sonnet-4-5").describe("The model when nobody asks for another."),
  CLAUDE_BIN: z
    .string()
    .optional()
    .describe("Claude Code for the local sandbox; else node_modules/.bin, else PATH."),
  SANDBOX_PROVIDER: list
    .default(["local"])
    .pipe(
      z
        .array(
          z.enum(sandboxProviders, `expected names out of ${sandboxProviders.join(", ")}, comma separated`),
        )
        .min(1, `expected at least one of ${sandboxProviders.join(", ")}`)
        .refine((names) => new Set(names).size === names.length, "a provider is named twice"),
    )
    .describe("Where agents run, in the order of fail-over: local, e2b, daytona."),
  SANDBOX_LOCAL_ISOLATION: z
    .enum(["bwrap", "none"])
    .default("bwrap")
    .describe("bwrap (bubblewrap); none runs agents without isolation, an explicit risk."),
  SANDBOX_IDLE_MINUTES: z.coerce
    .number()
    .positive()
    .max(60)
    .default(5)
    .describe("How long a sandbox stays awake after a turn; then it is paused."),
  SANDBOX_RETENTION_DAYS: z.coerce
    .number()
    .positive()
    .max(365)
    .default(30)
    .describe("How long an unused sandbox and its session's checkpoint are kept."),
  E2B_API_KEY: z.string().optional().describe("The key of E2B, for SANDBOX_PROVIDER=e2b."),
  E2B_TEMPLATE: z
    .string()
    .min(1)
    .default("remote-claude")
    .describe("The E2B template, built from sandbox/template."),
  E2B_API_URL: url.default("https://api.e2b.app").describe("E2B's control API."),
  E2B_SANDBOX_URL: url.optional().describe("One address for all E2B sandboxes; absent: E2B's own."),
  E2B_MAX_RUN_MINUTES: integer(5, 1440)
    .default(60)
    .describe("How long your E2B plan lets a sandbox run without a pause (60 on Hobby, 1440 on Pro)."),
  DAYTONA_API_KEY: z.string().optional().describe("The key of Daytona, for SANDBOX_PROVIDER=daytona."),
  DAYTONA_API_URL: url.default("https://app.daytona.io/api").describe("Daytona's API, hosted or your own."),
  DAYTONA_TARGET: z.string().optional().describe("The Daytona region; absent: the organisation's own."),
  DAYTONA_SNAPSHOT: z
    .string()
    .min(1)
    .default("remote-claude")
    .describe("The Daytona snapshot made from sandbox/template."),
  CHECKPOINT_MAX_MB: integer(1, 4096)
    .default(256)
    .describe("The largest checkpoint of a session that is kept."),
  CHECKPOINT_S3_URL: url
    .optional()
    .describe("An S3-compatible bucket for checkpoints, https://HOST/BUCKET; absent: DATA_DIR."),
  CHECKPOINT_S3_REGION: z.string().min(1).default("us-east-1").describe("The bucket's region."),
  CHECKPOINT_S3_ACCESS_KEY_ID: z.string().optional().describe("The bucket's access key id."),
  CHECKPOINT_S3_SECRET_ACCESS_KEY: z.string().optional().describe("The bucket's secret access key."),
  EGRESS_HOSTS: list
    .default([])
    .describe(
      "Hosts a sandbox may reach beside the model, comma separated; *.example.org matches subdomains.",
    ),
  WORKER_CONCURRENCY: integer(1, 1000)
    .optional()
    .describe(
      "Tasks at once in one worker; default 2 per core where agents run here, 50 where they run elsewhere.",
    ),
  TASK_TIMEOUT_MINUTES: z.coerce
    .number()
    .positive()
    .max(360)
    .default(30)
    .describe("How long one turn of the agent may take."),
  TASK_MAX_TURNS: integer(1, 1000).default(100).describe("How many model turns one task may take."),
  TASK_BUDGET_USD: z.coerce
    .number()
    .positive()
    .max(1000)
    .default(5)
    .describe("What the model calls of one task may cost."),
  ACCOUNT_MAX_PARALLEL_TASKS: integer(1, 1000).default(3).describe("Tasks at once for one account."),
  ACCOUNT_MONTHLY_BUDGET_USD: z.coerce
    .number()
    .positive()
    .max(1_000_000)
    .default(50)
    .describe(
      "What the tasks of one account may cost in a calendar month (UTC), where its owner said nothing.",
    ),
  TRIGGER_LABEL: z
    .string()
    .min(1)
    .max(50)
    .default("claude")
    .describe("The label that starts a task on an issue, where the repository's settings say nothing else."),
  ALLOWED_BOT_IDS: list
    .default([])
    .pipe(
      z.array(
        z
          .string()
          .regex(/^[1-9]\d{0,14}$/, "expected numeric user ids, comma separated")
          .transform(Number),
      ),
    )
    .describe(
      "Bots that may give commands where the repository's settings say nothing else, by their numeric user ids, comma separated; each needs write access as well.",
    ),
  FEEDBACK_QUIET_SECONDS: z.coerce
    .number()
    .min(0.1)
    .max(600)
    .default(5)
    .describe("Comments on a pull request of the bot become one task after this many seconds of quiet."),
  FEEDBACK_LONGEST_SECONDS: z.coerce
    .number()
    .min(0.1)
    .max(3_600)
    .default(15)
    .describe("The first of such comments waits no longer than this many seconds."),
  MISSED_DELIVERIES_MINUTES: integer(1, 59)
    .default(5)
    .describe("How often the App's delivery list is searched for webhooks that never arrived."),
  LOG_LEVEL: z
    .enum(["fatal", "error", "warn", "info", "debug", "trace", "silent"])
    .default("info")
    .describe("How much is logged."),
});

export type Environment = z.infer<typeof environment>;
