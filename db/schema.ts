import { sql } from "drizzle-orm";
import {
  bigint,
  bigserial,
  boolean,
  check,
  customType,
  foreignKey,
  index,
  integer,
  jsonb,
  type PgColumn,
  pgPolicy,
  pgRole,
  pgTable,
  primaryKey,
  text,
  timestamp,
  unique,
  uniqueIndex,
  uuid,
} from "drizzle-orm/pg-core";

/** What requests and tasks run as: sees only rows of the account named by `app.account_id`. */
export const appRole = pgRole("remote_claude_app").existing();
/** What claim, sweep and reap run as: sees every account, owns nothing. */
export const systemRole = pgRole("remote_claude_system").existing();

const bytea = customType<{ data: Buffer }>({ dataType: () => "bytea" });
const moment = (name: string) => timestamp(name, { withTimezone: true, mode: "date" });
const githubId = (name: string) => bigint(name, { mode: "number" });
const microUsd = (name: string) => bigint(name, { mode: "number" });

const currentAccount = sql`nullif(current_setting('app.account_id', true), '')::uuid`;

function tenantPolicies(table: string, column = "account_id") {
  const mine = sql`${sql.identifier(column)} = ${currentAccount}`;
  return [
    pgPolicy(`${table}_account`, { to: appRole, for: "all", using: mine, withCheck: mine }),
    pgPolicy(`${table}_system`, { to: systemRole, for: "all", using: sql`true`, withCheck: sql`true` }),
  ];
}

/** Holds a column to the values that its type names. */
function oneOf(name: string, column: PgColumn, values: readonly string[]) {
  return check(name, sql`${column} in (${sql.raw(values.map((value) => `'${value}'`).join(", "))})`);
}

/** The closed sets of values, for the types and for the database. */
const known = {
  accountKind: ["Organization", "User"],
  repositorySelection: ["all", "selected"],
  deliverySource: ["webhook", "recovered"],
  deliveryStatus: ["stored", "queued", "done", "dead"],
  sessionStatus: ["provisioning", "active", "paused", "terminated", "failed"],
  taskTrigger: ["comment", "label", "assign", "review-comment", "review", "feedback", "checks", "conflict"],
  sessionWrites: ["own-branch", "pull-head", "nothing"],
  commentKind: ["comment", "review-comment", "review"],
  taskStatus: ["queued", "provisioning", "running", "waiting", "completed", "failed", "cancelled", "timeout"],
  stepStatus: ["started", "done"],
  modelCallStatus: ["reserved", "settled", "refused"],
  usageFault: ["none", "platform"],
  sandboxStatus: ["running", "paused", "ending", "ended"],
  usageKind: ["model", "sandbox"],
  chargeKind: ["charge", "correction"],
  outboxKind: ["meter-event", "meter-cancel", "credit-note"],
  outboxState: ["pending", "sending", "delivered", "reconcile", "dead", "superseded"],
  outboxVia: ["ack", "duplicate", "reconciled"],
  capScope: ["account", "repository", "user", "session"],
  auditAct: [
    "gate-admitted",
    "gate-refused",
    "task-created",
    "task-answered",
    "task-ended",
    "token-minted",
    "pushed",
    "pull-request-opened",
    "session-ended",
    "sandbox-ended",
    "settings-overridden",
    "key-in-use",
    "operator-acted",
    "billing-opened",
  ],
} as const;

/** Who pays: the GitHub organisation or user that installed the App. */
export const account = pgTable(
  "account",
  {
    id: uuid("id").primaryKey(),
    githubId: githubId("github_id").notNull().unique(),
    login: text("login").notNull(),
    kind: text("kind", { enum: known.accountKind }).notNull(),
    maxParallelTasks: integer("max_parallel_tasks").notNull().default(3),
    /** What an owner allows in a calendar month (UTC); null: the server's default. */
    monthlyBudgetMicroUsd: microUsd("monthly_budget_micro_usd"),
    createdAt: moment("created_at").notNull().defaultNow(),
  },
  (t) => [
    check("account_max_parallel_tasks", sql`${t.maxParallelTasks} > 0`),
    check("account_monthly_budget_positive", sql`${t.monthlyBudgetMicroUsd} > 0`),
    oneOf("account_kind_known", t.kind, known.accountKind),
    ...tenantPolicies("account", "id"),
  ],
);

export const installation = pgTable(
  "installation",
  {
    id: githubId("id").primaryKey(),
    accountId: uuid("account_id")
      .notNull()
      .references(() => account.id),
    repositorySelection: text("repository_selection", { enum: known.repositorySelection }).notNull(),
    permissions: jsonb("permissions").$type<Record<string, string>>().notNull(),
    suspendedAt: moment("suspended_at"),
    removedAt: moment("removed_at"),
    createdAt: moment("created_at").notNull().defaultNow(),
    updatedAt: moment("updated_at").notNull().defaultNow(),
  },
  (t) => [
    index("installation_account_idx").on(t.accountId),
    oneOf("installation_selection_known", t.repositorySelection, known.repositorySelection),
    ...tenantPolicies("installation"),
  ],
);

/** What a repository's settings, as last read, allow beside the account's month; absent: no limit of its own. Micro-USD. */
export type RepositoryCaps = { month?: number; userMonth?: number; session?: number };

export const repository = pgTable(
  "repository",
  {
    id: githubId("id").primaryKey(),
    accountId: uuid("account_id")
      .notNull()
      .references(() => account.id),
    installationId: githubId("installation_id")
      .notNull()
      .references(() => installation.id),
    owner: text("owner").notNull(),
    name: text("name").notNull(),
    private: boolean("private").notNull(),
    caps: jsonb("caps").$type<RepositoryCaps>().notNull().default({}),
    removedAt: moment("removed_at"),
    createdAt: moment("created_at").notNull().defaultNow(),
    updatedAt: moment("updated_at").notNull().defaultNow(),
  },
  (t) => [
    index("repository_account_idx").on(t.accountId),
    index("repository_installation_idx").on(t.installationId),
    ...tenantPolicies("repository"),
  ],
);

/**
 * One webhook as GitHub sent it. It arrives before anyone knows whose it is, so it has no account;
 * only the intake and the system role read it.
 */
export const delivery = pgTable(
  "delivery",
  {
    /** GitHub's X-GitHub-Delivery; the same for a redelivery. */
    id: text("id").primaryKey(),
    event: text("event").notNull(),
    action: text("action"),
    installationId: githubId("installation_id"),
    repositoryId: githubId("repository_id"),
    /** What the delivery asks for, independent of its id, so that a replay under another id is the same request; null when it asks for nothing. */
    businessKey: text("business_key").unique(),
    /** The body in zstd's format; see src/webhooks/intake-store.ts. */
    payload: bytea("payload").notNull(),
    source: text("source", { enum: known.deliverySource }).notNull(),
    status: text("status", { enum: known.deliveryStatus }).notNull(),
    error: text("error"),
    receivedAt: moment("received_at").notNull().defaultNow(),
    processedAt: moment("processed_at"),
  },
  (t) => [
    index("delivery_received_idx").on(t.receivedAt),
    oneOf("delivery_source_known", t.source, known.deliverySource),
    oneOf("delivery_status_known", t.status, known.deliveryStatus),
  ],
);

/** The long-lived conversation of one issue and its pull request. */
export const session = pgTable(
  "session",
  {
    id: uuid("id").primaryKey(),
    accountId: uuid("account_id")
      .notNull()
      .references(() => account.id),
    repositoryId: githubId("repository_id")
      .notNull()
      .references(() => repository.id),
    issueNumber: integer("issue_number").notNull(),
    status: text("status", { enum: known.sessionStatus }).notNull().default("provisioning"),
    /** Stored once, so that a renamed issue keeps its branch. */
    branch: text("branch").notNull(),
    /** own-branch: one of ours · pull-head: the branch of a person's pull request · nothing: a pull request from a fork. */
    writes: text("writes", { enum: known.sessionWrites }).notNull().default("own-branch"),
    /** What `/claude autofix` said for this pull request; null: the repository's settings decide. */
    autofix: boolean("autofix"),
    baseRef: text("base_ref"),
    /** Where the work started; frozen by the first turn. */
    baseSha: text("base_sha"),
    /** What we last pushed and read back. */
    headSha: text("head_sha"),
    pullNumber: integer("pull_number"),
    claudeSessionId: uuid("claude_session_id").notNull(),
    sandboxProvider: text("sandbox_provider"),
    sandboxId: text("sandbox_id"),
    createdAt: moment("created_at").notNull().defaultNow(),
    updatedAt: moment("updated_at").notNull().defaultNow(),
    endedAt: moment("ended_at"),
  },
  (t) => [
    uniqueIndex("session_one_open_per_issue")
      .on(t.repositoryId, t.issueNumber)
      .where(sql`status not in ('terminated', 'failed')`),
    uniqueIndex("session_branch_once")
      .on(t.repositoryId, t.branch)
      .where(sql`writes = 'own-branch'`),
    uniqueIndex("session_sandbox_once").on(t.sandboxProvider, t.sandboxId),
    index("session_account_idx").on(t.accountId),
    check("session_branch_prefix", sql`${t.writes} <> 'own-branch' or ${t.branch} like 'claude/%'`),
    oneOf("session_writes_known", t.writes, known.sessionWrites),
    oneOf("session_status_known", t.status, known.sessionStatus),
    unique("session_account_pair").on(t.id, t.accountId),
    ...tenantPolicies("session"),
  ],
);

/** What a command may set for its task; it wins over the repository's settings. */
export type TaskOptions = {
  model?: string;
  base?: string;
  budgetMicroUsd?: number;
  maxTurns?: number;
  timeoutMs?: number;
  newSession?: true;
  noPullRequest?: true;
  draft?: boolean;
  /** Of `undo`: how many turns go back. */
  undoTurns?: number;
};

/** What a waiting task wants to know from a person. */
export type TaskQuestion = {
  /** plan: may it be carried out? · protected-paths: may these be pushed? · cost: may it cost more? · questions: Claude's own. */
  kind: "plan" | "protected-paths" | "cost" | "questions";
  /** Markdown, fit to be shown. */
  text: string;
  /** The commit that `/claude approve <sha>` may name; null where there is none. */
  sha: string | null;
  askedAt: string;
  /** Without an answer until then the task ends. */
  expiresAt: string;
};

/** How a person answered it; `text` is their own words, "" for a bare approval. */
export type TaskAnswer = {
  kind: TaskQuestion["kind"];
  approved: boolean;
  text: string;
  by: { id: number; login: string };
  at: string;
};

/** Each is said in one line of the status comment. */
export type TaskNotices = {
  /** The sandbox was made anew: from the last checkpoint with nothing lost, or without what a turn had not handed in. */
  rebuilt?: "whole" | "partly";
  /** The repository's setup commands failed; the agent worked without them. */
  setup?: { command: string; ended: string; tail: string };
  /** What is wrong with the repository's settings file. */
  settings?: readonly { line: number | null; message: string }[];
  skippedAttachments?: readonly { name: string; reason: string }[];
  /** How many comments were handed to the running turn. */
  steered?: number;
  /** Something that one sentence of inline Markdown says. */
  remarks?: readonly string[];
  /** Shares of budgets that this task has used up. */
  budget?: readonly string[];
  /** Which budget has no room for the task, while it waits for that. */
  cap?: string;
};

export const task = pgTable(
  "task",
  {
    /** UUIDv7, so that the order of ids is the order of creation. */
    id: uuid("id").primaryKey(),
    accountId: uuid("account_id")
      .notNull()
      .references(() => account.id),
    sessionId: uuid("session_id").notNull(),
    installationId: githubId("installation_id").notNull(),
    repositoryId: githubId("repository_id").notNull(),
    issueNumber: integer("issue_number").notNull(),
    /** What asked for it; a second delivery of the same request finds it taken. */
    businessKey: text("business_key").notNull().unique(),
    deliveryId: text("delivery_id").notNull(),
    trigger: text("trigger", { enum: known.taskTrigger }).notNull(),
    triggerCommentId: githubId("trigger_comment_id"),
    verb: text("verb").notNull(),
    instruction: text("instruction").notNull(),
    options: jsonb("options").$type<TaskOptions>().notNull(),
    requesterId: githubId("requester_id").notNull(),
    requesterLogin: text("requester_login").notNull(),
    /** What the thread said at the moment of the trigger; see src/tasks/frozen-context.ts. */
    context: jsonb("context").notNull(),
    status: text("status", { enum: known.taskStatus }).notNull().default("queued"),
    /** Rises at each claim; every effect is guarded by it. */
    fence: integer("fence").notNull().default(0),
    /** Handler errors and crashes without progress; three end the task. */
    failures: integer("failures").notNull().default(0),
    cancelRequestedAt: moment("cancel_requested_at"),
    cancelRequestedBy: text("cancel_requested_by"),
    budgetMicroUsd: microUsd("budget_micro_usd").notNull(),
    /** Rises whenever a waiting task goes on: each leg has a turn of its own. */
    leg: integer("leg").notNull().default(1),
    /** What it waits for, or last waited for. */
    question: jsonb("question").$type<TaskQuestion>(),
    /** How that was answered; null while it has not been. */
    answer: jsonb("answer").$type<TaskAnswer>(),
    /** Its commit was taken back by `/claude undo`. */
    undoneAt: moment("undone_at"),
    /** The exact prompt the agent got. */
    prompt: text("prompt"),
    todos: jsonb("todos").$type<{ text: string; state: "pending" | "in_progress" | "completed" }[]>(),
    /** How it ended, as src/tasks/outcome.ts has it; null while it has not. */
    outcome: jsonb("outcome"),
    receipt: jsonb("receipt"),
    /** What the thread should know beside the outcome. */
    notices: jsonb("notices").$type<TaskNotices>().notNull().default({}),
    createdAt: moment("created_at").notNull().defaultNow(),
    startedAt: moment("started_at"),
    finishedAt: moment("finished_at"),
    /** When the status comment last said the truth about a finished task; the sweep looks for nulls. */
    reportedAt: moment("reported_at"),
  },
  (t) => [
    uniqueIndex("task_one_running_per_session")
      .on(t.sessionId)
      .where(sql`status in ('provisioning', 'running')`),
    index("task_account_open_idx")
      .on(t.accountId, t.id)
      .where(sql`status in ('queued', 'provisioning', 'running', 'waiting')`),
    index("task_account_idx").on(t.accountId, t.id),
    index("task_session_idx").on(t.sessionId, t.id),
    index("task_unreported_idx")
      .on(t.finishedAt)
      .where(sql`finished_at is not null and reported_at is null`),
    check(
      "task_finished_has_time",
      sql`(status in ('completed', 'failed', 'cancelled', 'timeout')) = (finished_at is not null)`,
    ),
    check("task_waiting_has_question", sql`status <> 'waiting' or question is not null`),
    index("task_waiting_idx")
      .on(t.id)
      .where(sql`status = 'waiting'`),
    check("task_budget_positive", sql`${t.budgetMicroUsd} > 0`),
    unique("task_account_pair").on(t.id, t.accountId),
    foreignKey({ columns: [t.sessionId, t.accountId], foreignColumns: [session.id, session.accountId] }),
    oneOf("task_trigger_known", t.trigger, known.taskTrigger),
    oneOf("task_status_known", t.status, known.taskStatus),
    ...tenantPolicies("task"),
  ],
);

/** One external effect of a task: looked up, done, recorded. */
export const step = pgTable(
  "step",
  {
    taskId: uuid("task_id").notNull(),
    accountId: uuid("account_id").notNull(),
    name: text("name").notNull(),
    attempt: integer("attempt").notNull().default(1),
    fence: integer("fence").notNull(),
    status: text("status", { enum: known.stepStatus }).notNull(),
    result: jsonb("result"),
    startedAt: moment("started_at").notNull().defaultNow(),
    finishedAt: moment("finished_at"),
  },
  (t) => [
    primaryKey({ columns: [t.taskId, t.name] }),
    foreignKey({ columns: [t.taskId, t.accountId], foreignColumns: [task.id, task.accountId] }),
    oneOf("step_status_known", t.status, known.stepStatus),
    check("step_done_has_time", sql`(status = 'done') = (finished_at is not null)`),
    ...tenantPolicies("step"),
  ],
);

/** The record of every machine that was made for a session; the one in use is named in the session's row. */
export const sandbox = pgTable(
  "sandbox",
  {
    provider: text("provider").notNull(),
    /** The provider's own name for it. */
    id: text("id").notNull(),
    accountId: uuid("account_id").notNull(),
    sessionId: uuid("session_id").notNull(),
    /** Of the claim that made it, as in its metadata. */
    fence: integer("fence").notNull(),
    status: text("status", { enum: known.sandboxStatus }).notNull(),
    /** How the repository's setup commands went in it; null: not run. */
    setup: jsonb("setup"),
    /** Set while the machine may hold more than the session's last checkpoint does: from the start of a turn until its checkpoint. */
    aheadSince: moment("ahead_since"),
    createdAt: moment("created_at").notNull().defaultNow(),
    /** When a turn last ended in it. */
    usedAt: moment("used_at").notNull().defaultNow(),
    endedAt: moment("ended_at"),
    endReason: text("end_reason"),
  },
  (t) => [
    primaryKey({ columns: [t.provider, t.id] }),
    index("sandbox_session_idx").on(t.sessionId),
    index("sandbox_open_idx")
      .on(t.usedAt)
      .where(sql`status <> 'ended'`),
    foreignKey({ columns: [t.sessionId, t.accountId], foreignColumns: [session.id, session.accountId] }),
    check("sandbox_ended_has_time", sql`(status = 'ended') = (ended_at is not null)`),
    oneOf("sandbox_status_known", t.status, known.sandboxStatus),
    ...tenantPolicies("sandbox"),
  ],
);

/** What a turn left behind, kept outside the machine: enough to go on in another one. */
export const checkpoint = pgTable(
  "checkpoint",
  {
    /** UUIDv7, so that the newest has the largest id. */
    id: uuid("id").primaryKey(),
    accountId: uuid("account_id").notNull(),
    sessionId: uuid("session_id").notNull(),
    taskId: uuid("task_id").notNull(),
    fence: integer("fence").notNull(),
    /** The commit that the working tree is held against; in the bot's mirror. */
    baseSha: text("base_sha").notNull(),
    /** The whole working tree, uncommitted files included. */
    treeSha: text("tree_sha").notNull(),
    claudeSessionId: uuid("claude_session_id").notNull(),
    /** SHA-256 of the conversation's transcript, hex; null when there is none. */
    transcriptSha256: text("transcript_sha256"),
    /** Of the sealed object in the checkpoint storage. */
    bytes: bigint("bytes", { mode: "number" }).notNull(),
    createdAt: moment("created_at").notNull().defaultNow(),
  },
  (t) => [
    index("checkpoint_session_idx").on(t.sessionId, t.id),
    foreignKey({ columns: [t.taskId, t.accountId], foreignColumns: [task.id, task.accountId] }),
    foreignKey({ columns: [t.sessionId, t.accountId], foreignColumns: [session.id, session.accountId] }),
    check("checkpoint_bytes", sql`${t.bytes} > 0`),
    ...tenantPolicies("checkpoint"),
  ],
);

/** One line of the log of a task. */
export const event = pgTable(
  "event",
  {
    id: bigserial("id", { mode: "number" }).primaryKey(),
    taskId: uuid("task_id").notNull(),
    accountId: uuid("account_id").notNull(),
    fence: integer("fence").notNull(),
    sequence: integer("sequence").notNull(),
    kind: text("kind").notNull(),
    data: jsonb("data").notNull(),
    createdAt: moment("created_at").notNull().defaultNow(),
  },
  (t) => [
    unique("event_once").on(t.taskId, t.fence, t.sequence),
    foreignKey({ columns: [t.taskId, t.accountId], foreignColumns: [task.id, task.accountId] }),
    ...tenantPolicies("event"),
  ],
);

/** The credential of one turn at the gateway; the token itself is never stored. */
export const turnToken = pgTable(
  "turn_token",
  {
    /** SHA-256 of the token, hex. */
    tokenHash: text("token_hash").primaryKey(),
    accountId: uuid("account_id").notNull(),
    taskId: uuid("task_id").notNull(),
    fence: integer("fence").notNull(),
    expiresAt: moment("expires_at").notNull(),
    revokedAt: moment("revoked_at"),
    createdAt: moment("created_at").notNull().defaultNow(),
  },
  (t) => [
    index("turn_token_task_idx").on(t.taskId),
    foreignKey({ columns: [t.taskId, t.accountId], foreignColumns: [task.id, task.accountId] }),
    ...tenantPolicies("turn_token"),
  ],
);

/** The gateway's meter: a call is reserved at its worst case before it is forwarded, then settled at what it took. */
export const modelCall = pgTable(
  "model_call",
  {
    id: uuid("id").primaryKey(),
    accountId: uuid("account_id").notNull(),
    taskId: uuid("task_id").notNull(),
    fence: integer("fence").notNull(),
    model: text("model").notNull(),
    status: text("status", { enum: known.modelCallStatus }).notNull(),
    reservedMicroUsd: microUsd("reserved_micro_usd").notNull(),
    costMicroUsd: microUsd("cost_micro_usd"),
    inputTokens: integer("input_tokens").notNull().default(0),
    outputTokens: integer("output_tokens").notNull().default(0),
    cacheReadTokens: integer("cache_read_tokens").notNull().default(0),
    cacheWrite5mTokens: integer("cache_write_5m_tokens").notNull().default(0),
    cacheWrite1hTokens: integer("cache_write_1h_tokens").notNull().default(0),
    httpStatus: integer("http_status"),
    createdAt: moment("created_at").notNull().defaultNow(),
    settledAt: moment("settled_at"),
  },
  (t) => [
    index("model_call_task_idx").on(t.taskId),
    foreignKey({ columns: [t.taskId, t.accountId], foreignColumns: [task.id, task.accountId] }),
    check("model_call_settled_has_cost", sql`(status <> 'settled') or (cost_micro_usd is not null)`),
    oneOf("model_call_status_known", t.status, known.modelCallStatus),
    ...tenantPolicies("model_call"),
  ],
);

/**
 * The meter of machines: one row an interval in which an attempt used one, at most some minutes long. It is written when the
 * interval is over, so a worker that dies leaves nothing open: what was used after its last heartbeat is nobody's.
 */
export const sandboxUse = pgTable(
  "sandbox_use",
  {
    id: uuid("id").primaryKey(),
    accountId: uuid("account_id").notNull(),
    taskId: uuid("task_id").notNull(),
    sessionId: uuid("session_id").notNull(),
    /** The fence under which the machine was used. */
    attempt: integer("attempt").notNull(),
    /** From 1, a heartbeat each. */
    sequence: integer("sequence").notNull(),
    provider: text("provider").notNull(),
    sandboxId: text("sandbox_id").notNull(),
    vcpus: integer("vcpus").notNull(),
    memoryMib: integer("memory_mib").notNull(),
    startedAt: moment("started_at").notNull(),
    endedAt: moment("ended_at").notNull(),
    /** What the provider asks for it, by the rate card named. */
    costMicroUsd: microUsd("cost_micro_usd").notNull(),
    card: text("card").notNull(),
  },
  (t) => [
    unique("sandbox_use_once").on(t.taskId, t.attempt, t.sequence),
    index("sandbox_use_session_idx").on(t.sessionId),
    foreignKey({ columns: [t.taskId, t.accountId], foreignColumns: [task.id, task.accountId] }),
    foreignKey({ columns: [t.sessionId, t.accountId], foreignColumns: [session.id, session.accountId] }),
    check("sandbox_use_forward", sql`${t.endedAt} >= ${t.startedAt}`),
    check(
      "sandbox_use_not_negative",
      sql`${t.costMicroUsd} >= 0 and ${t.vcpus} >= 0 and ${t.memoryMib} >= 0 and ${t.sequence} > 0`,
    ),
    ...tenantPolicies("sandbox_use"),
  ],
);

/** The ledger: what a finished attempt used, one row per model call or interval of a machine, written once and never changed (a trigger refuses). */
export const usage = pgTable(
  "usage",
  {
    id: uuid("id").primaryKey(),
    accountId: uuid("account_id").notNull(),
    taskId: uuid("task_id").notNull(),
    sessionId: uuid("session_id").notNull(),
    /** The fence under which the call was made. */
    attempt: integer("attempt").notNull(),
    kind: text("kind", { enum: known.usageKind }).notNull().default("model"),
    /** The row of the meter: a model call, or a machine's interval. */
    modelCallId: uuid("model_call_id").notNull(),
    /** Of a machine its provider. */
    model: text("model").notNull(),
    inputTokens: integer("input_tokens").notNull(),
    outputTokens: integer("output_tokens").notNull(),
    cacheReadTokens: integer("cache_read_tokens").notNull(),
    cacheWrite5mTokens: integer("cache_write_5m_tokens").notNull(),
    cacheWrite1hTokens: integer("cache_write_1h_tokens").notNull(),
    /** Of a machine's interval. */
    durationMs: integer("duration_ms").notNull().default(0),
    /** What the vendor asks for it. */
    costMicroUsd: microUsd("cost_micro_usd").notNull(),
    /** What the account pays for it: nothing when the fault was ours. */
    priceMicroUsd: microUsd("price_micro_usd").notNull(),
    fault: text("fault", { enum: known.usageFault }).notNull(),
    createdAt: moment("created_at").notNull().defaultNow(),
  },
  (t) => [
    unique("usage_once").on(t.taskId, t.attempt, t.modelCallId),
    index("usage_account_idx").on(t.accountId, t.createdAt),
    foreignKey({ columns: [t.taskId, t.accountId], foreignColumns: [task.id, task.accountId] }),
    check("usage_platform_is_free", sql`${t.fault} <> 'platform' or ${t.priceMicroUsd} = 0`),
    oneOf("usage_fault_known", t.fault, known.usageFault),
    oneOf("usage_kind_known", t.kind, known.usageKind),
    check("usage_not_negative", sql`${t.costMicroUsd} >= 0 and ${t.priceMicroUsd} >= 0`),
    ...tenantPolicies("usage"),
  ],
);

/**
 * What an account owes for one leg of a task, written once and never changed (a trigger refuses). A correction is a further
 * revision that holds the difference, so that the sum over the revisions is what is owed.
 */
export const charge = pgTable(
  "charge",
  {
    /** UUIDv7, so that the order of ids is the order of creation. */
    id: uuid("id").primaryKey(),
    accountId: uuid("account_id").notNull(),
    taskId: uuid("task_id").notNull(),
    sessionId: uuid("session_id").notNull(),
    repositoryId: githubId("repository_id").notNull(),
    requesterId: githubId("requester_id").notNull(),
    leg: integer("leg").notNull(),
    /** 1 is the charge, what is above are corrections. */
    revision: integer("revision").notNull().default(1),
    kind: text("kind", { enum: known.chargeKind }).notNull(),
    /** Why it is owed or not: a class of src/billing/who-pays.ts, or what a correction is for. */
    reason: text("reason").notNull(),
    /** The rate card it was rated with. */
    card: text("card").notNull(),
    /** The newest attempt in it: the next leg's charge begins after it. */
    lastAttempt: integer("last_attempt").notNull(),
    /** What the leg cost at the vendors' prices. */
    costMicroUsd: microUsd("cost_micro_usd").notNull(),
    /** What is owed for it, exactly. */
    priceMicroUsd: microUsd("price_micro_usd").notNull(),
    /** The same in whole cents, rounded once: the receipt, the meter event and the line of the invoice. */
    amountCents: bigint("amount_cents", { mode: "number" }).notNull(),
    createdAt: moment("created_at").notNull().defaultNow(),
  },
  (t) => [
    unique("charge_once").on(t.taskId, t.leg, t.revision),
    unique("charge_account_pair").on(t.id, t.accountId),
    index("charge_account_idx").on(t.accountId, t.createdAt),
    index("charge_session_idx").on(t.sessionId),
    foreignKey({ columns: [t.taskId, t.accountId], foreignColumns: [task.id, task.accountId] }),
    foreignKey({ columns: [t.sessionId, t.accountId], foreignColumns: [session.id, session.accountId] }),
    oneOf("charge_kind_known", t.kind, known.chargeKind),
    check("charge_first_revision", sql`(${t.revision} = 1) = (${t.kind} = 'charge') and ${t.revision} > 0`),
    check(
      "charge_not_negative",
      sql`${t.kind} <> 'charge' or (${t.costMicroUsd} >= 0 and ${t.priceMicroUsd} >= 0 and ${t.amountCents} >= 0)`,
    ),
    ...tenantPolicies("charge"),
  ],
);

/** What Stripe is still to hear of charges, made in the charge's own transaction. What is to be said never changes (a trigger refuses). */
export const billingOutbox = pgTable(
  "billing_outbox",
  {
    /** UUIDv7: the order in which it is sent. */
    id: uuid("id").primaryKey(),
    accountId: uuid("account_id").notNull(),
    chargeId: uuid("charge_id").notNull(),
    kind: text("kind", { enum: known.outboxKind }).notNull(),
    /** `<task>:<leg>:<revision>`; Stripe takes a second one of it as the same. */
    identifier: text("identifier").notNull(),
    valueCents: bigint("value_cents", { mode: "number" }).notNull(),
    eventAt: moment("event_at").notNull(),
    state: text("state", { enum: known.outboxState }).notNull().default("pending"),
    /** Rises before each attempt, and is its fence. */
    attempts: integer("attempts").notNull().default(0),
    firstAttemptAt: moment("first_attempt_at"),
    /** When it was last looked for at Stripe and not found there, so that it may be sent again. */
    soughtAt: moment("sought_at"),
    leaseUntil: moment("lease_until"),
    nextAt: moment("next_at").notNull().defaultNow(),
    deliveredAt: moment("delivered_at"),
    deliveredVia: text("delivered_via", { enum: known.outboxVia }),
    /** What the last answer was, where it was no success. */
    problem: text("problem"),
    createdAt: moment("created_at").notNull().defaultNow(),
  },
  (t) => [
    unique("billing_outbox_identifier").on(t.identifier),
    // Stripe takes one call at a time for a customer and a meter.
    uniqueIndex("billing_outbox_one_sending")
      .on(t.accountId)
      .where(sql`state = 'sending'`),
    index("billing_outbox_due_idx")
      .on(t.nextAt)
      .where(sql`state in ('pending', 'sending')`),
    index("billing_outbox_charge_idx").on(t.chargeId),
    foreignKey({ columns: [t.chargeId, t.accountId], foreignColumns: [charge.id, charge.accountId] }),
    oneOf("billing_outbox_kind_known", t.kind, known.outboxKind),
    oneOf("billing_outbox_state_known", t.state, known.outboxState),
    oneOf("billing_outbox_via_known", t.deliveredVia, known.outboxVia),
    check("billing_outbox_identifier_short", sql`length(${t.identifier}) between 1 and 100`),
    check(
      "billing_outbox_delivered",
      sql`(state = 'delivered') = (delivered_at is not null) and (delivered_at is null) = (delivered_via is null)`,
    ),
    check("billing_outbox_lease", sql`(state = 'sending') = (lease_until is not null)`),
    check("billing_outbox_attempted", sql`(attempts = 0) = (first_attempt_at is null)`),
    ...tenantPolicies("billing_outbox"),
  ],
);

/**
 * What was last read of an account's customer and subscription at Stripe. The whole row is replaced under its lock by what Stripe
 * says now, so that no order of events matters. An account that nobody has begun to set up has no row.
 */
export const billingAccount = pgTable(
  "billing_account",
  {
    accountId: uuid("account_id")
      .primaryKey()
      .references(() => account.id),
    /** Kept for as long as the account exists: an App that is installed again has the same customer. */
    stripeCustomerId: text("stripe_customer_id").unique(),
    subscriptionId: text("subscription_id").unique(),
    /** As Stripe says it; its list is open. */
    subscriptionStatus: text("subscription_status"),
    collectionPaused: boolean("collection_paused").notNull().default(false),
    /** When it ends, if it was cancelled for a day. */
    endsAt: moment("ends_at"),
    trialEndsAt: moment("trial_ends_at"),
    pastDueSince: moment("past_due_since"),
    /** Of the billing period that is open. */
    periodStart: moment("period_start"),
    periodEnd: moment("period_end"),
    /** When Stripe was last asked; null: never. */
    readAt: moment("read_at"),
    /** The Checkout that is open, and the login of whoever opened it. Its address is never kept. */
    checkoutId: text("checkout_id"),
    checkoutExpiresAt: moment("checkout_expires_at"),
    checkoutBy: text("checkout_by"),
    /** The ids of disputes that are not decided. */
    openDisputes: text("open_disputes").array().notNull().default([]),
    /** An invoice was given up as uncollectible. */
    writtenOff: boolean("written_off").notNull().default(false),
    createdAt: moment("created_at").notNull().defaultNow(),
    updatedAt: moment("updated_at").notNull().defaultNow(),
  },
  (t) => [
    check("billing_account_customer_shape", sql`${t.stripeCustomerId} like 'cus\\_%'`),
    check("billing_account_subscription_shape", sql`${t.subscriptionId} like 'sub\\_%'`),
    check(
      "billing_account_subscription_whole",
      sql`(subscription_id is null) = (subscription_status is null) and (subscription_id is null or (stripe_customer_id is not null and read_at is not null))`,
    ),
    check(
      "billing_account_checkout_whole",
      sql`(checkout_id is null) = (checkout_expires_at is null) and (checkout_id is null) = (checkout_by is null)`,
    ),
    index("billing_account_read_idx")
      .on(t.readAt)
      .where(sql`stripe_customer_id is not null`),
    ...tenantPolicies("billing_account"),
  ],
);

/** What was said about an account's plan, once a period and not with each command. */
export const billingNotice = pgTable(
  "billing_notice",
  {
    accountId: uuid("account_id")
      .notNull()
      .references(() => account.id),
    /** A kind of src/billing/entitlement.ts. */
    notice: text("notice").notNull(),
    /** `2026-11-23`: the day, or the day on which the billing period began. */
    period: text("period").notNull(),
    /** Whose answer says it. */
    deliveryId: text("delivery_id").notNull(),
    at: moment("at").notNull().defaultNow(),
  },
  (t) => [primaryKey({ columns: [t.accountId, t.notice, t.period] }), ...tenantPolicies("billing_notice")],
);

/** One webhook as Stripe sent it, kept before it is answered; whose it is, is found out later. Only the system role reads it. */
export const stripeEvent = pgTable(
  "stripe_event",
  {
    /** Stripe's `evt_…`; the same for a redelivery. */
    id: text("id").primaryKey(),
    type: text("type").notNull(),
    livemode: boolean("livemode").notNull(),
    /** The body as it came. */
    payload: bytea("payload").notNull(),
    receivedAt: moment("received_at").notNull().defaultNow(),
    processedAt: moment("processed_at"),
    attempts: integer("attempts").notNull().default(0),
    /** Not before then. */
    nextAt: moment("next_at").notNull().defaultNow(),
    /** Why it is not processed, or why it is nothing for us. */
    problem: text("problem"),
  },
  (t) => [
    index("stripe_event_due_idx")
      .on(t.nextAt)
      .where(sql`processed_at is null`),
    index("stripe_event_received_idx").on(t.receivedAt),
  ],
);

/** A share of a cap that was reached, told once a period. */
export const budgetAlert = pgTable(
  "budget_alert",
  {
    accountId: uuid("account_id")
      .notNull()
      .references(() => account.id),
    scope: text("scope", { enum: known.capScope }).notNull(),
    /** Of the repository, user or session; of an account itself. */
    key: text("key").notNull(),
    /** `2026-11`; of a session, which has no period, the empty text. */
    period: text("period").notNull(),
    percent: integer("percent").notNull(),
    taskId: uuid("task_id").notNull(),
    at: moment("at").notNull().defaultNow(),
  },
  (t) => [
    primaryKey({ columns: [t.accountId, t.scope, t.key, t.period, t.percent] }),
    foreignKey({ columns: [t.taskId, t.accountId], foreignColumns: [task.id, task.accountId] }),
    oneOf("budget_alert_scope_known", t.scope, known.capScope),
    check("budget_alert_percent", sql`${t.percent} between 1 and 100`),
    ...tenantPolicies("budget_alert"),
  ],
);

/**
 * A text of ours that belongs to a thread rather than to a task: claimed before it is written, so that two deliveries of
 * one moment do not both write it.
 */
export const reply = pgTable(
  "reply",
  {
    repositoryId: githubId("repository_id")
      .notNull()
      .references(() => repository.id),
    issueNumber: integer("issue_number").notNull(),
    /** As in the mark that the text ends with. */
    kind: text("kind").notNull(),
    key: text("key").notNull(),
    accountId: uuid("account_id")
      .notNull()
      .references(() => account.id),
    startedAt: moment("started_at").notNull().defaultNow(),
    saidAt: moment("said_at"),
  },
  (t) => [
    primaryKey({ columns: [t.repositoryId, t.issueNumber, t.kind, t.key] }),
    ...tenantPolicies("reply"),
  ],
);

/** How many writes to GitHub an installation has left; shared by all workers. */
export const rateBucket = pgTable("rate_bucket", {
  installationId: githubId("installation_id").primaryKey(),
  tokens: bigint("tokens_milli", { mode: "number" }).notNull(),
  refilledAt: moment("refilled_at").notNull(),
  /** Until when GitHub told us to stay away. */
  blockedUntil: moment("blocked_until"),
});

/** Where a periodic job left off. */
export const watermark = pgTable("watermark", {
  name: text("name").primaryKey(),
  value: text("value").notNull(),
  updatedAt: moment("updated_at").notNull().defaultNow(),
});

/** A person's comment while their task runs: handed to the running turn, or else folded into a follow-up. */
export const steering = pgTable(
  "steering",
  {
    id: uuid("id").primaryKey(),
    accountId: uuid("account_id").notNull(),
    taskId: uuid("task_id").notNull(),
    kind: text("kind", { enum: known.commentKind }).notNull().default("comment"),
    commentId: githubId("comment_id").notNull(),
    author: text("author").notNull(),
    text: text("text").notNull(),
    createdAt: moment("created_at").notNull().defaultNow(),
    /** When the agent was given it, under this fence. */
    handedAt: moment("handed_at"),
    fence: integer("fence"),
  },
  (t) => [
    unique("steering_once").on(t.taskId, t.kind, t.commentId),
    foreignKey({ columns: [t.taskId, t.accountId], foreignColumns: [task.id, task.accountId] }),
    check("steering_handed_under_fence", sql`(handed_at is null) = (fence is null)`),
    oneOf("steering_kind_known", t.kind, known.commentKind),
    ...tenantPolicies("steering"),
  ],
);

/** A comment on a pull request of ours that names nobody: collected until it is quiet, then one task takes them all. */
export const feedback = pgTable(
  "feedback",
  {
    id: uuid("id").primaryKey(),
    accountId: uuid("account_id").notNull(),
    sessionId: uuid("session_id").notNull(),
    repositoryId: githubId("repository_id").notNull(),
    pullNumber: integer("pull_number").notNull(),
    kind: text("kind", { enum: known.commentKind }).notNull(),
    commentId: githubId("comment_id").notNull(),
    deliveryId: text("delivery_id").notNull(),
    authorId: githubId("author_id").notNull(),
    authorLogin: text("author_login").notNull(),
    /** As it was when it was written. */
    body: text("body").notNull(),
    commentedAt: moment("commented_at").notNull(),
    receivedAt: moment("received_at").notNull().defaultNow(),
    taskId: uuid("task_id"),
  },
  (t) => [
    unique("feedback_once").on(t.repositoryId, t.kind, t.commentId),
    index("feedback_open_idx")
      .on(t.sessionId)
      .where(sql`task_id is null`),
    foreignKey({ columns: [t.sessionId, t.accountId], foreignColumns: [session.id, session.accountId] }),
    foreignKey({ columns: [t.taskId, t.accountId], foreignColumns: [task.id, task.accountId] }),
    oneOf("feedback_kind_known", t.kind, known.commentKind),
    ...tenantPolicies("feedback"),
  ],
);

/** A trigger that started nothing, and why; `/claude why` reads it. */
export const ignoredTrigger = pgTable(
  "ignored_trigger",
  {
    deliveryId: text("delivery_id").primaryKey(),
    accountId: uuid("account_id")
      .notNull()
      .references(() => account.id),
    repositoryId: githubId("repository_id").notNull(),
    issueNumber: integer("issue_number").notNull(),
    /** What it was: a comment, a label … */
    what: text("what").notNull(),
    actorId: githubId("actor_id").notNull(),
    actorLogin: text("actor_login").notNull(),
    /** A code, told in words by src/webhooks/ignored-reason.ts. */
    reason: text("reason").notNull(),
    at: moment("at").notNull().defaultNow(),
  },
  (t) => [
    index("ignored_trigger_thread_idx").on(t.repositoryId, t.issueNumber, t.at),
    ...tenantPolicies("ignored_trigger"),
  ],
);

/** Who has been told once how this works. */
export const greeting = pgTable(
  "greeting",
  {
    accountId: uuid("account_id")
      .notNull()
      .references(() => account.id),
    userId: githubId("user_id").notNull(),
    greetedAt: moment("greeted_at").notNull().defaultNow(),
  },
  (t) => [primaryKey({ columns: [t.accountId, t.userId] }), ...tenantPolicies("greeting")],
);

/** An instruction kept under a name with `/claude save`; the repository's settings file may hold others. */
export const savedTask = pgTable(
  "saved_task",
  {
    repositoryId: githubId("repository_id")
      .notNull()
      .references(() => repository.id),
    /** In lower case. */
    name: text("name").notNull(),
    accountId: uuid("account_id")
      .notNull()
      .references(() => account.id),
    verb: text("verb").notNull(),
    instruction: text("instruction").notNull(),
    options: jsonb("options").$type<TaskOptions>().notNull(),
    savedById: githubId("saved_by_id").notNull(),
    savedByLogin: text("saved_by_login").notNull(),
    savedAt: moment("saved_at").notNull().defaultNow(),
  },
  (t) => [
    primaryKey({ columns: [t.repositoryId, t.name] }),
    check("saved_task_name_lower", sql`name = lower(name)`),
    ...tenantPolicies("saved_task"),
  ],
);

export type AuditAct = (typeof known.auditAct)[number];

/** Facts about an act, without any secret and without anybody's prose. */
export type AuditData = Record<string, string | number | boolean | null | readonly string[]>;

/**
 * Who did what, in one chain an account: each row's hash covers the hash before it, see db/audit-chain.ts. Written once and never
 * changed (a trigger refuses). The chain of the nil UUID is the server's own, so there is no reference to an account.
 */
export const audit = pgTable(
  "audit",
  {
    accountId: uuid("account_id").notNull(),
    /** From 1, without gaps. */
    sequence: bigint("sequence", { mode: "number" }).notNull(),
    /** In whole milliseconds, of the database's clock. */
    at: moment("at").notNull(),
    act: text("act", { enum: known.auditAct }).notNull(),
    /** `user:<GitHub's id>`, `server`, or `operator:<name in the operating system>`. */
    actor: text("actor").notNull(),
    data: jsonb("data").$type<AuditData>().notNull(),
    previousHash: text("previous_hash").notNull(),
    /** SHA-256, hex. */
    hash: text("hash").notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.accountId, t.sequence] }),
    index("audit_at_idx").on(t.at),
    oneOf("audit_act_known", t.act, known.auditAct),
    check("audit_sequence_positive", sql`${t.sequence} > 0`),
    ...tenantPolicies("audit"),
  ],
);

/** Where each chain ends: its lock while a row is added, and what shows that the last rows were taken away. */
export const auditHead = pgTable(
  "audit_head",
  {
    accountId: uuid("account_id").primaryKey(),
    sequence: bigint("sequence", { mode: "number" }).notNull(),
    hash: text("hash").notNull(),
  },
  () => tenantPolicies("audit_head"),
);
