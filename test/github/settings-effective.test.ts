import { expect, test } from "vitest";
import { environment } from "../../src/environment.ts";
import { settingsVariables } from "../../src/github/settings-defaults.ts";
import { mergeFiles, serverSettings } from "../support/settings-files.ts";

const whole = `\
triggers:
  label: robot
  autofix: false
  autofix_attempts: 1
  roles: [maintain, admin]
  apps: [49699333]
model: claude-opus-5
limits:
  budget_usd: 2.50
  monthly_budget_usd: 200
  monthly_budget_usd_per_user: 50
  session_budget_usd: 25.5
  approve_above_usd: 3
  turns: 40
  minutes: 45
  parallel_tasks: 2
  parallel_tasks_per_user: 1
public_amounts: true
branch: claude/{issue}
pr:
  draft: false
  reviewers: [octocat, acme/core]
  template: docs/pull-request.md
setup: npm ci
setup_timeout_minutes: 5
test: [npm test, npm run lint]
test_timeout_minutes: 20
egress_hosts: [registry.npmjs.org, "*.example.org"]
protected_paths: [infra/, "*.lock"]
review:
  instructions: Look for races.
tasks:
  changelog:
    instruction: Bring the changelog up to date.
    options: { model: claude-haiku-4-5, base: next, budget_usd: 0.5, turns: 9, minutes: 3, new: true, pr: false, draft: true }
`;

test("every key of a file arrives in the program's own units", () => {
  expect(mergeFiles({ own: whole }).settings).toEqual({
    triggers: {
      label: "robot",
      autofix: false,
      autofixAttempts: 1,
      roles: ["maintain", "admin"],
      botIds: [49699333],
    },
    model: "claude-opus-5",
    limits: {
      budgetMicroUsd: 2_500_000,
      monthlyBudgetMicroUsd: 200_000_000,
      monthlyBudgetPerUserMicroUsd: 50_000_000,
      sessionBudgetMicroUsd: 25_500_000,
      approveAboveMicroUsd: 3_000_000,
      maxTurns: 40,
      timeoutMs: 2_700_000,
      parallelTasks: 2,
      parallelTasksPerUser: 1,
    },
    publicAmounts: true,
    branchTemplate: "claude/{issue}",
    pullRequest: {
      draft: false,
      reviewers: ["octocat"],
      teamReviewers: ["core"],
      template: "docs/pull-request.md",
    },
    setup: ["npm ci"],
    setupTimeoutMs: 300_000,
    test: ["npm test", "npm run lint"],
    testTimeoutMs: 1_200_000,
    egressHosts: ["registry.npmjs.org", "*.example.org"],
    protectedPaths: [".github/workflows/", "infra/", "*.lock"],
    reviewInstructions: "Look for races.",
    savedTasks: new Map([
      [
        "changelog",
        {
          instruction: "Bring the changelog up to date.",
          options: {
            model: "claude-haiku-4-5",
            base: "next",
            budgetMicroUsd: 500_000,
            maxTurns: 9,
            timeoutMs: 180_000,
            newSession: true,
            noPullRequest: true,
            draft: true,
          },
        },
      ],
    ]),
  });
});

test("without a file the server decides", () => {
  const config = {
    ...serverSettings,
    triggerLabel: "bot",
    allowedBotIds: [7],
    limits: { budgetMicroUsd: 1_230_000, maxTurns: 3, taskTimeoutMs: 90_000 },
    sandbox: { egressHosts: ["a.example"] },
  };
  const { settings, entries } = mergeFiles({ config });
  expect(settings).toMatchObject({
    triggers: {
      label: "bot",
      autofix: true,
      autofixAttempts: 3,
      roles: ["write", "maintain", "admin"],
      botIds: [7],
    },
    limits: { budgetMicroUsd: 1_230_000, monthlyBudgetMicroUsd: null, maxTurns: 3, timeoutMs: 90_000 },
    branchTemplate: "claude/{issue}-{slug}",
    pullRequest: { draft: true, reviewers: [], teamReviewers: [], template: null },
    setup: [],
    setupTimeoutMs: 600_000,
    egressHosts: ["a.example"],
    protectedPaths: [".github/workflows/"],
    savedTasks: new Map(),
  });
  const sources = new Map(entries.map(({ key, source }) => [key, source]));
  expect(sources.get("limits.turns")).toEqual({ kind: "variable", name: "TASK_MAX_TURNS" });
  expect(sources.get("pr.draft")).toEqual({ kind: "default" });
  expect(sources.get("limits.monthly_budget_usd")).toEqual({ kind: "default" });
});

test("mappings merge, lists and single values replace, and each value knows who set it", () => {
  const owner = `\
limits: { budget_usd: 1, turns: 20 }
egress_hosts: [a.example, b.example]
setup: [one, two]
tasks:
  docs: { instruction: of the owner, options: { turns: 5, minutes: 5 } }
  release: { instruction: only here }
`;
  const own = `\
# a comment

limits:
  turns: 30
egress_hosts:
  - c.example
tasks:
  docs:
    instruction: our own
    options:
      turns: 6
`;
  const { settings, entries } = mergeFiles({ owner, own });
  expect(settings.limits).toMatchObject({ budgetMicroUsd: 1_000_000, maxTurns: 30, timeoutMs: 1_800_000 });
  expect(settings.egressHosts).toEqual(["c.example"]);
  expect(settings.setup).toEqual(["one", "two"]);
  expect(settings.savedTasks).toEqual(
    new Map([
      ["docs", { instruction: "our own", options: { maxTurns: 6, timeoutMs: 300_000 } }],
      ["release", { instruction: "only here", options: {} }],
    ]),
  );
  const set = entries.flatMap(({ key, source }) =>
    source.kind === "file" ? [`${key} ${source.repository.name}:${source.line} ${source.sha[0] ?? ""}`] : [],
  );
  expect(set).toEqual([
    "limits.budget_usd .github:1 b",
    "limits.turns widgets:4 a",
    "setup .github:3 b",
    "egress_hosts widgets:5 a",
    "tasks.docs.instruction widgets:9 a",
    "tasks.docs.options.turns widgets:11 a",
    "tasks.docs.options.minutes .github:5 b",
    "tasks.release.instruction .github:6 b",
  ]);
});

test("an empty list replaces a full one, but built-in protected paths stay", () => {
  const { settings } = mergeFiles({
    owner: "egress_hosts: [a.example]\nprotected_paths: [x]\n",
    own: "egress_hosts: []\nprotected_paths: []\n",
  });
  expect(settings.egressHosts).toEqual([]);
  expect(settings.protectedPaths).toEqual([".github/workflows/"]);
});

test("a saved task may be called like something that every object has", () => {
  const own = "tasks:\n  constructor: { instruction: build it }\n  valueof: { instruction: price it }\n";
  const { settings } = mergeFiles({ own, owner: "tasks: { constructor: { instruction: x } }" });
  expect([...settings.savedTasks.keys()]).toEqual(["constructor", "valueof"]);
  expect(settings.savedTasks.get("constructor")?.instruction).toBe("build it");
  expect(Object.hasOwn(Object, "instruction")).toBe(false);
});

test("the variables that are named exist", () => {
  expect([...settingsVariables.values()].filter((name) => !(name in environment.shape))).toEqual([]);
});
