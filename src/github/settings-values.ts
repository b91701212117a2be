import type { TaskOptions } from "../../db/schema.ts";
import { defaultCommitPolicy } from "./commit-policy.ts";
import { defaultSetupMinutes, type RepoSettings, type SettingsFile } from "./repo-settings-schema.ts";
import { defaultBranchTemplate } from "./settings-branch.ts";

/** All settings in force, in the program's own units. */
export type Settings = RepoSettings & {
  triggers: {
    label: string;
    autofix: boolean;
    /** Repairs of failed checks per head commit. */
    autofixAttempts: number;
    /** GitHub's `role_name` of those who may start work, after the gate has passed them; never a way around it. */
    roles: readonly ("write" | "maintain" | "admin")[];
    /** User ids of the bot accounts that may start work, each of which needs write access as well. */
    botIds: readonly number[];
  };
  model: string;
  limits: {
    budgetMicroUsd: number;
    /** Of all tasks of the repository in a calendar month; null: no limit of its own. */
    monthlyBudgetMicroUsd: number | null;
    /** Of the tasks of one person here in a calendar month; null: no limit of its own. */
    monthlyBudgetPerUserMicroUsd: number | null;
    /** Of one conversation in all its life; null: no limit of its own. */
    sessionBudgetMicroUsd: number | null;
    /** A task that is likely to cost more waits for an approval; null: none does. */
    approveAboveMicroUsd: number | null;
    maxTurns: number;
    timeoutMs: number;
    /** Null: only the account's limit holds. */
    parallelTasks: number | null;
    parallelTasksPerUser: number | null;
  };
  /** Amounts of money are shown on a public repository too. */
  publicAmounts: boolean;
  /** For `branchFromTemplate`. */
  branchTemplate: string;
  pullRequest: {
    draft: boolean;
    reviewers: readonly string[];
    /** Slugs of teams. */
    teamReviewers: readonly string[];
    /** A path in the repository; null: where GitHub looks for one. */
    template: string | null;
  };
  /** Run by the server after a turn, in their order. */
  test: readonly string[];
  testTimeoutMs: number;
  egressHosts: readonly string[];
  /** For `isProtected`: the built-in ones and those of the file. */
  protectedPaths: readonly string[];
  reviewInstructions: string | null;
  /** By name. */
  savedTasks: ReadonlyMap<string, SavedTask>;
};

export type SavedTask = { instruction: string; options: TaskOptions };

/** What holds where neither the server nor a file says another thing. */
export const settingsFallback = {
  triggers: { autofix: true, autofix_attempts: 3, roles: ["write", "maintain", "admin"] },
  public_amounts: false,
  branch: defaultBranchTemplate,
  pr: { draft: true, reviewers: [] },
  setup: [],
  setup_timeout_minutes: defaultSetupMinutes,
  test: [],
  test_timeout_minutes: 10,
  protected_paths: [],
} satisfies SettingsFile;

/** Keys that have a value of the server's in every merged file. */
export type MergedFile = SettingsFile & {
  triggers: { label: string; apps: number[] };
  model: string;
  limits: { budget_usd: number; turns: number; minutes: number };
  egress_hosts: string[];
};

/** The merged file as the program knows it. */
export function toSettings(file: MergedFile): Settings {
  const { triggers, limits, pr } = file;
  const reviewers = pr?.reviewers ?? [];
  return {
    triggers: {
      label: triggers.label,
      autofix: triggers.autofix ?? settingsFallback.triggers.autofix,
      autofixAttempts: triggers.autofix_attempts ?? settingsFallback.triggers.autofix_attempts,
      roles: triggers.roles ?? settingsFallback.triggers.roles,
      botIds: triggers.apps,
    },
    model: file.model,
    limits: {
      budgetMicroUsd: toMicroUsd(limits.budget_usd),
      monthlyBudgetMicroUsd: toLimit(limits.monthly_budget_usd),
      monthlyBudgetPerUserMicroUsd: toLimit(limits.monthly_budget_usd_per_user),
      sessionBudgetMicroUsd: toLimit(limits.session_budget_usd),
      approveAboveMicroUsd: toLimit(limits.approve_above_usd),
      maxTurns: limits.turns,
      timeoutMs: toMs(limits.minutes),
      parallelTasks: limits.parallel_tasks ?? null,
      parallelTasksPerUser: limits.parallel_tasks_per_user ?? null,
    },
    publicAmounts: file.public_amounts ?? settingsFallback.public_amounts,
    branchTemplate: file.branch ?? settingsFallback.branch,
    pullRequest: {
      draft: pr?.draft ?? settingsFallback.pr.draft,
      reviewers: reviewers.filter((name) => !name.includes("/")),
      teamReviewers: reviewers.flatMap((name) => name.split("/").slice(1)),
      template: pr?.template ?? null,
    },
    setup: file.setup ?? settingsFallback.setup,
    setupTimeoutMs: toMs(file.setup_timeout_minutes ?? settingsFallback.setup_timeout_minutes),
    test: file.test ?? settingsFallback.test,
    testTimeoutMs: toMs(file.test_timeout_minutes ?? settingsFallback.test_timeout_minutes),
    egressHosts: file.egress_hosts,
    protectedPaths: [...defaultCommitPolicy.protectedPaths, ...(file.protected_paths ?? [])],
    reviewInstructions: file.review?.instructions ?? null,
    savedTasks: new Map(Object.entries(file.tasks ?? {}).map(([name, task]) => [name, toSavedTask(task)])),
  };
}

const toMicroUsd = (dollars: number): number => Math.round(dollars * 1_000_000);
const toLimit = (dollars: number | undefined): number | null =>
  dollars === undefined ? null : toMicroUsd(dollars);
const toMs = (minutes: number): number => Math.round(minutes * 60_000);

function toSavedTask({ instruction, options = {} }: NonNullable<SettingsFile["tasks"]>[string]): SavedTask {
  return {
    instruction,
    options: {
      ...(options.model === undefined ? {} : { model: options.model }),
      ...(options.base === undefined ? {} : { base: options.base }),
      ...(options.budget_usd === undefined ? {} : { budgetMicroUsd: toMicroUsd(options.budget_usd) }),
      ...(options.turns === undefined ? {} : { maxTurns: options.turns }),
      ...(options.minutes === undefined ? {} : { timeoutMs: toMs(options.minutes) }),
      ...(options.new === true ? { newSession: true } : {}),
      ...(options.pr === false ? { noPullRequest: true } : {}),
      ...(options.draft === undefined ? {} : { draft: options.draft }),
    },
  };
}
