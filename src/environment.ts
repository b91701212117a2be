import { z } from "zod";

const url = z.url({ protocol: /^https?$/ }).transform((value) => value.replace(/\/+$/, ""));
const integer = (min: number, max: number) => z.coerce.number().int().min(min).max(max);
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
  GITHUB_CLIENT_ID: z.string().optional().describe("The App's OAuth client id, for the dashboard's sign-in."),
  GITHUB_CLIENT_SECRET: z.string().optional().describe("The App's OAuth client secret."),
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
    .describe("32 bytes in base64, for secrets at rest."),
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
    .refine(
      (names) => names.length > 0 && names.every((name) => name === "local"),
      'expected "local"; other providers are not built yet',
    )
    .describe("Where agents run, in the order of fail-over."),
  SANDBOX_LOCAL_ISOLATION: z
    .enum(["bwrap", "none"])
    .default("bwrap")
    .describe("bwrap (bubblewrap); none runs agents without isolation, an explicit risk."),
  EGRESS_HOSTS: list
    .default([])
    .describe(
      "Hosts a sandbox may reach beside the model, comma separated; *.example.org matches subdomains.",
    ),
  WORKER_CONCURRENCY: integer(1, 1000)
    .optional()
    .describe("Tasks at once in one worker; default 2 per core."),
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
  TRIGGER_LABEL: z
    .string()
    .min(1)
    .max(50)
    .default("claude")
    .describe("The label that starts a task on an issue."),
  MISSED_DELIVERIES_MINUTES: integer(1, 59)
    .default(5)
    .describe("How often the App's delivery list is searched for webhooks that never arrived."),
  LOG_LEVEL: z
    .enum(["fatal", "error", "warn", "info", "debug", "trace", "silent"])
    .default("info")
    .describe("How much is logged."),
});

export type Environment = z.infer<typeof environment>;
