import { expect, test } from "vitest";
import type { TaskQuestion } from "../db/schema.ts";
import { readConfig } from "../src/config.ts";
import { UserError } from "../src/errors.ts";
import type { PublicMarkdown } from "../src/github/inline-text.ts";
import { serverLayer } from "../src/github/settings-defaults.ts";
import { mergeSettings } from "../src/github/settings-effective.ts";
import { renderConfig } from "../src/github/settings-render.ts";
import {
  noNotices,
  renderStatusComment,
  type StatusPhase,
  type StatusView,
} from "../src/github/status-comment.ts";
import { sayAtBudget } from "../src/tasks/cap-words.ts";
import type { Outcome } from "../src/tasks/outcome.ts";
import type { Place } from "../src/tasks/place-store.ts";
import { toFinalPhase, toQueuedPhase, toWaitingPhase } from "../src/tasks/status-phase.ts";
import { endOf } from "../src/tasks/task-end.ts";
import { renderThreadStatus, type OpenTask, type ThreadStatus } from "../src/tasks/thread-status.ts";
import { renderIgnored } from "../src/webhooks/command-ignored-list.ts";
import { renderSavedTasks } from "../src/webhooks/command-saved-list.ts";
import { renderConflictStop } from "../src/webhooks/conflict-stop.ts";
import { parseCommand } from "../src/webhooks/command.ts";
import { sayIgnoredReason } from "../src/webhooks/ignored-reason.ts";
import { replies } from "../src/webhooks/replies.ts";
import { receiptSchema } from "../src/github/receipt.ts";

/**
 * What people read, as it stands in their threads, one file each: to be read when it changes, by somebody who is picky.
 * `npm run docs:generate` writes the files anew.
 */

const taskId = "0192f0c1-1111-7000-8000-000000000000";
const md = (...lines: string[]) => lines.join("\n") as PublicMarkdown;
const sha = "4f1c2ab9d0e35867a4b1c09f8e7d6c5b4a392817";
const minute = 60_000;

const place = (values: Partial<Place> = {}): Place => ({
  ...{ ahead: 5, running: 3, open: 10, slots: 3, sessionBusy: false, limit: null, typicalMs: 6 * minute },
  estimate: { typicalMs: 6 * minute, longMs: 11 * minute },
  ...values,
});

const receipt = receiptSchema.parse({
  remoteSha: sha,
  branch: "claude/12-fix-the-flaky-login-test",
  pullNumber: 13,
  files: [
    { path: "src/login.ts", additions: 10, deletions: 2 },
    { path: "test/login.test.ts", additions: 21, deletions: 0 },
  ],
  totals: { files: 2, additions: 31, deletions: 2 },
  commands: [
    { command: "npm test -- login", ok: false },
    { command: "npm test", ok: true },
  ],
  droppedCommands: 0,
  checks: [{ command: "npm test", exitCode: 0, durationMs: 41_000 }],
  durationMs: 254_000,
  models: ["claude-sonnet-4-5"],
  tokens: { input: 12_345, output: 4_678, cacheRead: 199_999, cacheWrite: 21_200 },
  costMicroUsd: 423_456,
  priceMicroUsd: null,
  payer: "acme",
  charged: false,
  reason: "this server bills nobody",
});
const untouched = {
  ...receipt,
  remoteSha: null,
  branch: null,
  pullNumber: null,
  files: [],
  checks: [],
  totals: { files: 0, additions: 0, deletions: 0 },
};
const ourFault = { ...untouched, reason: "the failure was ours" };

const pull = { number: 13, url: "https://github.com/acme/widgets/pull/13", draft: true };
const branch = "claude/12-fix-the-flaky-login-test";
const leftOut = {
  files: [{ path: ".github/workflows/ci.yml", reason: "workflow files are never pushed" }],
  patch:
    "diff --git a/.github/workflows/ci.yml b/.github/workflows/ci.yml\n--- a/.github/workflows/ci.yml\n+++ b/.github/workflows/ci.yml\n@@ -7 +7 @@\n-      - run: npm test\n+      - run: npm test -- --retry 2\n",
};

const outcomes: Record<Outcome["kind"], Outcome> = {
  published: {
    ...{ kind: "published", title: "Wait for the session before the login test clicks", branch, sha, pull },
    text: md(
      "The test clicked before the session was there. It waits for it now, and so does the page's own code.",
    ),
    leftOut: { files: [], patch: null },
  },
  "no-changes": { kind: "no-changes", text: md("`src/login.ts` already waits for the session since #9.") },
  rebased: {
    ...{ kind: "rebased", onto: "main", branch, sha, pull, mergeable: true },
    conflicts: ["src/login.ts"],
  },
  "up-to-date": { kind: "up-to-date", onto: "main", sha },
  reviewed: {
    ...{ kind: "reviewed", url: `${pull.url}#pullrequestreview-7`, remarks: 3, before: 1 },
    text: md("Sound on the whole; one of the three remarks is about a lost error."),
  },
  undone: {
    ...{ kind: "undone", how: "reset", branch, sha, pull },
    turns: [{ title: "Wait for the session before the login test clicks", sha }],
  },
  answered: {
    kind: "answered",
    text: md("Because `clickLogin()` in `test/login.test.ts:14` does not wait for the session."),
  },
  "left-out": {
    kind: "left-out",
    text: md("I changed the workflow, so that flaky tests run again."),
    leftOut,
  },
  cancelled: { kind: "cancelled", by: "bob" },
  timeout: { kind: "timeout", afterMs: 45 * minute },
  budget: { kind: "budget", capMicroUsd: 5_000_000 },
  error: endOf.failedTooOften(taskId).outcome,
};

const questions: Record<TaskQuestion["kind"], { text: string; sha: string | null }> = {
  plan: {
    text: "- [ ] Reproduce the failure with `npm test -- login`\n- [ ] Wait for the session in `src/login.ts`\n- [ ] Run the test 50 times\n\nIf the page never gets a session, the test will time out instead; I will say so then.",
    sha: null,
  },
  "protected-paths": {
    text: "These files are protected in this repository:\n\n- `CODEOWNERS`\n- `deploy/prod.yml`",
    sha,
  },
  cost: {
    text: sayAtBudget({ budgetMicroUsd: 5_000_000, moreMicroUsd: 5_000_000 }, { amounts: true }),
    sha: null,
  },
  questions: {
    text: "1. Should an expired session log out, or ask again?\n2. Is Safari 15 still supported?",
    sha: null,
  },
};

const todos: StatusView["todos"] = [
  { text: "Reproduce the failing test", state: "completed" },
  { text: "Wait for the session", state: "in_progress" },
  { text: "Run the whole suite", state: "pending" },
];

const status = (phase: StatusPhase, more: Partial<StatusView> = {}) =>
  renderStatusComment({
    ...{ taskId, requester: "alice", phase, todos: [], notices: noNotices, links: [] },
    ...more,
  });

const charged = { ...receipt, priceMicroUsd: 500_000, charged: true, reason: null };
const final = (outcome: Outcome, used = receipt) => toFinalPhase(outcome, { receipt: used, pullNumber: 13 });

const statusComments: Record<string, string> = {
  queued: status(toQueuedPhase(place())),
  "queued-next": status(toQueuedPhase(place({ ahead: 3, open: 4, estimate: null, typicalMs: null }))),
  "queued-under-a-limit": status(
    toQueuedPhase(
      place({ ...{ ahead: 1, running: 1, open: 2, slots: 1 }, limit: { slots: 1, login: "bob" } }),
    ),
  ),
  "queued-behind-its-own": status(toQueuedPhase(place({ ahead: 1, running: 1, open: 2, sessionBusy: true }))),
  starting: status({ kind: "starting", step: "preparing the sandbox" }),
  running: status(
    {
      ...{ kind: "running", elapsedMs: 130_000, costMicroUsd: 120_000, budgetMicroUsd: 5_000_000 },
      ...{ branch, verifiedSha: null },
    },
    { todos },
  ),
  "running-again": status({
    ...{ kind: "running", elapsedMs: 30_000, costMicroUsd: 0, budgetMicroUsd: 5_000_000 },
    ...{ branch, verifiedSha: sha },
  }),
  ...Object.fromEntries(
    Object.entries(questions).map(([kind, { text, sha }]) => [
      `waiting-${kind}`,
      status(
        toWaitingPhase({
          ...{ kind: kind as TaskQuestion["kind"], text, sha },
          ...{ askedAt: "2026-11-22T10:00:00Z", expiresAt: "2026-11-29T10:00:00Z" },
        }),
      ),
    ]),
  ),
  ...Object.fromEntries(
    Object.entries(outcomes).map(([kind, outcome]) => {
      const used = kind === "error" ? ourFault : kind === "published" ? receipt : untouched;
      return [`ended-${kind}`, status(final(outcome, used), { todos: kind === "published" ? todos : [] })];
    }),
  ),
  "ended-charged": status(final(outcomes.published, charged)),
  "ended-cancelled-before-its-start": status(
    toFinalPhase(outcomes.cancelled, { receipt: null, pullNumber: null }),
  ),
  "ended-left-out-notice": status(final(outcomes["left-out"], untouched), {
    notices: { ...noNotices, leftOutFiles: leftOut.files, leftOutPatch: leftOut.patch },
  }),
  "with-every-notice": status(final(outcomes.published), {
    notices: {
      ...noNotices,
      ...{ hiddenPieces: 1, leftOutComments: 2, rebuilt: "whole" },
      setup: { command: "npm ci", ended: "ended with exit code 1", tail: "npm error code E404\n" },
      settings: [{ line: 3, message: "setpu: there is no such key; did you mean setup?" }],
      skippedAttachments: [{ name: "movie.mov", reason: "it has 120 MB, and 20 MB are the most" }],
    },
  }),
  refused: status({
    kind: "refused",
    reason: "the issue was closed",
    remedy: "Open it again and repeat the command.",
  }),
};

test.each(Object.entries(statusComments))("status comment: %s", async (name, text) => {
  await expect(`${text}\n`).toMatchFileSnapshot(`golden/status-${name}.md`);
});

const slip = (body: string) => {
  const parsed = parseCommand(body);
  if (parsed.kind === "suggestion") return replies.suggestion(parsed);
  if (parsed.kind === "invalid") return replies.invalid(parsed.reason);
  throw new Error(`expected a slip, got ${body}`);
};

const saved = { verb: "ask", instruction: "what changed for users since the last release?" };

const answers: Record<keyof typeof replies, Record<string, string>> = {
  noWriteAccess: { "": replies.noWriteAccess("carol") },
  roleNarrowed: {
    "": replies.roleNarrowed("bob", ["maintain", "admin"]),
    one: replies.roleNarrowed("bob", ["admin"]),
  },
  suggestion: { "": slip("/claude stpo"), "wrong-order": slip("/claude --budget 2 retry") },
  invalid: {
    "": slip("/claude ask"),
    "unknown-option": slip("/claude --modle opus fix it"),
    "wrong-value": slip("/claude --budget cheap fix it"),
    budget: slip("/claude budget 2"),
  },
  refused: {
    "": replies.refused(
      new UserError(
        "no-such-base",
        "There is no branch `nxt` in acme/widgets.",
        "Check the name after `--base` and write the command again.",
      ),
    ),
  },
  help: { "": replies.help() },
  greeting: { "": replies.greeting().join("\n\n") },
  nothingAsked: { "": replies.nothingAsked() },
  onlyPeopleApprove: { "": replies.onlyPeopleApprove() },
  otherSha: { "": replies.otherSha(sha) },
  approved: {
    plan: replies.approved("plan"),
    "protected-paths": replies.approved("protected-paths"),
    cost: replies.approved("cost"),
    questions: replies.approved("questions"),
  },
  nothingToStop: { "": replies.nothingToStop() },
  nothingToRetry: { "": replies.nothingToRetry() },
  notWhileOpen: { running: replies.notWhileOpen(false), waiting: replies.notWhileOpen(true) },
  noPullRequest: { "": replies.noPullRequest("rebase") },
  onlyOurBranch: { "": replies.onlyOurBranch("rebase") },
  budgetRaised: {
    running: replies.budgetRaised(7_000_000, "running"),
    queued: replies.budgetRaised(7_000_000, "queued"),
  },
  budgetTooHigh: { "": replies.budgetTooHigh(999_000_000) },
  noBudgetToRaise: { "": replies.noBudgetToRaise() },
  autofix: { on: replies.autofix(true, 13), off: replies.autofix(false, 13) },
  autofixNotHere: { "": replies.autofixNotHere() },
  noCommitYet: { "": replies.noCommitYet() },
  nothingToSave: { "": replies.nothingToSave() },
  saved: {
    "": replies.saved({ name: "release-notes", task: saved, before: null }),
    replaced: replies.saved({
      name: "release-notes",
      task: saved,
      before: { verb: "implement", instruction: "" },
    }),
  },
  noSuchTask: { "": replies.noSuchTask("relase-notes") },
};

const open = (state: OpenTask["state"], more: Partial<OpenTask> = {}): OpenTask => ({
  ...{ verb: "implement", instruction: "fix the flaky login test", requester: "alice", options: {} },
  ...{ state, costMicroUsd: 120_000, budgetMicroUsd: 5_000_000 },
  ...more,
});
const session: ThreadStatus["session"] = {
  ...{ branch, headSha: sha, pullNumber: 13, autofix: null },
  sandbox: { provider: "local", status: "running" },
};

const lists: Record<string, string> = {
  status: renderThreadStatus({
    open: [
      open({ kind: "running", forMs: 130_000, stepsDone: 2, steps: 5, stopping: false }),
      open(
        { kind: "queued", place: place({ sessionBusy: true }) },
        { verb: "ask", instruction: "why is it flaky at all?", requester: "bob", costMicroUsd: 0 },
      ),
    ],
    ...{ last: null, session, amounts: true },
  }),
  "status-waiting": renderThreadStatus({
    open: [
      open({ kind: "waiting", question: "plan", forMs: 3 * 3_600_000 }, { verb: "plan", instruction: "" }),
    ],
    ...{
      last: null,
      // Of a public repository.
      amounts: false,
      session: {
        ...session,
        headSha: null,
        pullNumber: null,
        sandbox: { provider: "e2b", status: "paused" },
      },
    },
  }),
  "status-ended": renderThreadStatus({
    open: [],
    last: {
      ...{ verb: "implement", instruction: "fix the flaky login test", requester: "alice" },
      ...{ outcome: "published", agoMs: 21 * 86_400_000, costMicroUsd: 423_456 },
    },
    session: { ...session, autofix: false, sandbox: null },
    amounts: true,
  }),
  "status-nothing": renderThreadStatus({ open: [], last: null, session: null, amounts: true }),
  why: renderIgnored([
    {
      what: "comment",
      actorLogin: "carol",
      reason: sayIgnoredReason("no-write-access"),
      at: new Date("2026-11-22T10:07:00Z"),
    },
    {
      what: "comment",
      actorLogin: "alice",
      reason: sayIgnoredReason("edited"),
      at: new Date("2026-11-22T09:58:00Z"),
    },
  ]),
  "why-nothing": renderIgnored([]),
  "conflict-stop": renderConflictStop({ branch, base: "main" }),
  tasks: renderSavedTasks([
    { name: "release-notes", ...saved, from: "alice" },
    {
      name: "bump",
      verb: "implement",
      instruction: "update all dependencies by one minor version",
      from: null,
    },
  ]),
  "tasks-none": renderSavedTasks([]),
  config: renderConfig({
    effective: {
      ...mergeSettings(serverLayer(readConfig({})), [
        {
          file: { limits: { budget_usd: 8 }, setup: ["npm ci"] },
          sourceOf: () => ({ kind: "file", repository: { owner: "acme", name: "widgets" }, sha, line: 4 }),
        },
      ]),
      problems: [],
    },
    ...{ repository: { owner: "acme", name: "widgets" }, sha, serverUrl: "https://github.com" },
  }),
};

const replyFiles = [
  ...Object.entries(answers).flatMap(([name, texts]) =>
    Object.entries(texts).map(
      ([variant, text]) => [[kebab(name), variant].filter(Boolean).join("-"), text] as const,
    ),
  ),
  ...Object.entries(lists),
];

test.each(replyFiles)("reply: %s", async (name, text) => {
  await expect(`${text}\n`).toMatchFileSnapshot(`golden/reply-${name}.md`);
});

function kebab(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
