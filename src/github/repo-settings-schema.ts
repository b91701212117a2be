import { z } from "zod";
import { isBranchName } from "./branch-name.ts";
import { isBranchTemplate } from "./settings-branch.ts";
import { isProtectedPattern } from "./settings-protected.ts";

/** The part of the settings that a machine is set up with. */
export type RepoSettings = {
  /** Shell commands that make a fresh checkout ready for work, in their order. */
  setup: readonly string[];
  /** For all of them together. */
  setupTimeoutMs: number;
};

/** Of one list of commands, of hosts, of patterns. */
const max = { commands: 20, command: 8_000, apps: 50, reviewers: 15, hosts: 100, patterns: 100, text: 8_000 };

// An argument of a process ends at a NUL.
const text = (length: number) =>
  z
    .string()
    .max(length)
    .refine((value) => value.trim() !== "" && !value.includes("\0"));

const whole = (from: number, to: number) => z.number().int().min(from).max(to);

// Amounts are kept in millionths, and said in cents.
const dollars = (to: number) =>
  z
    .number()
    .min(0.01)
    .max(to)
    .refine((value) => Math.abs(value * 100 - Math.round(value * 100)) < 1e-6);

/** One of what may be a list stands for a list of one. */
const listOf = <T extends z.ZodType>(item: T, length: number) =>
  z.preprocess((given) => (typeof given === "string" ? [given] : given), z.array(item).max(length));

const commands = () => listOf(text(max.command), max.commands);
const aboutCommands = `a shell command, or a list of at most ${max.commands}, each of at most ${max.command} characters`;

const login = /^[a-z\d](?:[a-z\d]|-(?=[a-z\d])){0,38}(?:_[a-z\d]+)?(?:\/[\w.-]{1,100})?$/i;
const hostName =
  /^(?=.{1,253}$)(?:\*\.)?(?:[a-z\d_](?:[a-z\d_-]{0,61}[a-z\d])?\.)+[a-z](?:[a-z\d-]{0,61}[a-z\d])?$/i;
/** A file of the repository, without a way out of it. */
const file = /^(?!\/)(?!.*(?:^|\/)\.{1,2}(?:\/|$))(?!.*\/\/)[^\x00-\x1f\\]{1,200}(?<!\/)$/;

const model = z
  .string()
  .regex(/^[A-Za-z0-9][\w.:/@[\]-]{0,99}$/)
  .describe("the name of a Claude model, such as claude-sonnet-4-5");
const budget = dollars(1_000).describe("dollars from 0.01 to 1000, such as 2.50");
const turns = whole(1, 1_000).describe("a whole number of model turns from 1 to 1000");
const minutes = z.number().min(1).max(360).describe("a number of minutes from 1 to 360");

const savedTask = z
  .strictObject({
    instruction: text(max.text).describe(`a text of at most ${max.text} characters`),
    options: z
      .strictObject({
        model: model.optional(),
        base: z
          .string()
          .refine(isBranchName)
          .optional()
          .describe("the name of a branch to start from and to merge into"),
        budget_usd: budget.optional(),
        turns: turns.optional(),
        minutes: minutes.optional(),
        new: z.boolean().optional().describe("true for a new conversation, or false"),
        pr: z.boolean().optional().describe("false to push a branch without a pull request, or true"),
        draft: z.boolean().optional().describe("true for a draft pull request, false for one to be reviewed"),
      })
      .optional()
      .describe("a mapping of options to values"),
  })
  .describe("a mapping with an instruction, and with options if need be");

const taskName = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,39}$/)
  .describe("a name of small letters, digits and -, at most 40 characters");

/**
 * The file as it is written; a key that is absent leaves the value of the layer below. A key's description completes the
 * sentence "expected …", in messages and in docs/repository-settings.md; a key that is a mapping is a z.strictObject, or a
 * z.record of them.
 */
export const repoSettingsFile = z.strictObject({
  triggers: z
    .strictObject({
      label: text(50).optional().describe("the name of a label, at most 50 characters"),
      autofix: z
        .boolean()
        .optional()
        .describe("true to repair failed checks and conflicts unasked, or false"),
      autofix_attempts: whole(1, 10).optional().describe("a whole number of repairs per commit from 1 to 10"),
      roles: z
        .array(z.enum(["write", "maintain", "admin"]))
        .min(1)
        .max(3)
        .optional()
        .describe("a list out of write, maintain and admin"),
      apps: z
        .array(whole(1, 1e14))
        .max(max.apps)
        .optional()
        .describe(`a list of at most ${max.apps} numeric user ids of Apps' bot accounts`),
    })
    .optional()
    .describe("a mapping of what starts work"),
  model: model.optional(),
  limits: z
    .strictObject({
      budget_usd: budget.optional(),
      monthly_budget_usd: dollars(1_000_000).optional().describe("dollars from 0.01 to 1000000, such as 200"),
      monthly_budget_usd_per_user: dollars(1_000_000)
        .optional()
        .describe("dollars from 0.01 to 1000000, such as 50"),
      session_budget_usd: dollars(1_000_000).optional().describe("dollars from 0.01 to 1000000, such as 25"),
      approve_above_usd: dollars(1_000).optional().describe("dollars from 0.01 to 1000, such as 3"),
      turns: turns.optional(),
      minutes: minutes.optional(),
      parallel_tasks: whole(1, 1_000).optional().describe("a whole number of tasks from 1 to 1000"),
      parallel_tasks_per_user: whole(1, 1_000).optional().describe("a whole number of tasks from 1 to 1000"),
    })
    .optional()
    .describe("a mapping of limits"),
  public_amounts: z
    .boolean()
    .optional()
    .describe("true to show amounts of money on a public repository too, or false"),
  branch: z
    .string()
    .refine(isBranchTemplate)
    .optional()
    .describe(
      "a branch name that begins with claude/, has {issue} in it, and {slug} where the title is to stand",
    ),
  pr: z
    .strictObject({
      draft: z.boolean().optional().describe("true for draft pull requests, or false"),
      reviewers: listOf(z.string().regex(login), max.reviewers)
        .optional()
        .describe(`a list of at most ${max.reviewers} logins, or teams as organisation/team`),
      template: z.string().regex(file).optional().describe("the path of a file in the repository"),
    })
    .optional()
    .describe("a mapping of how pull requests are opened"),
  setup: commands().optional().describe(aboutCommands),
  setup_timeout_minutes: z.number().positive().max(30).optional().describe("a number of minutes up to 30"),
  test: commands().optional().describe(aboutCommands),
  test_timeout_minutes: z.number().positive().max(60).optional().describe("a number of minutes up to 60"),
  egress_hosts: listOf(z.string().regex(hostName), max.hosts)
    .optional()
    .describe(
      `a list of at most ${max.hosts} host names such as registry.npmjs.org, or *.example.org for all below one`,
    ),
  protected_paths: listOf(z.string().refine(isProtectedPattern), max.patterns)
    .optional()
    .describe(
      `a list of at most ${max.patterns} paths and patterns as in .gitignore, with *, ** and ? only, at most two * in a name and three ** in all`,
    ),
  review: z
    .strictObject({
      instructions: text(max.text).optional().describe(`a text of at most ${max.text} characters`),
    })
    .optional()
    .describe("a mapping of how pull requests are reviewed"),
  tasks: z
    .record(taskName, savedTask)
    .refine((tasks) => Object.keys(tasks).length <= 50)
    .optional()
    .describe("a mapping of at most 50 names to saved tasks"),
});

/** The settings as one file says them; what it leaves open is absent. */
export type SettingsFile = z.infer<typeof repoSettingsFile>;

export const defaultSetupMinutes = 10;

/** The part of a file that a machine is set up with, where nothing else is asked. */
export function toRepoSettings(file: SettingsFile): RepoSettings {
  const minutes = file.setup_timeout_minutes ?? defaultSetupMinutes;
  return { setup: file.setup ?? [], setupTimeoutMs: Math.round(minutes * 60_000) };
}
