import { describe, expect, test } from "vitest";
import type { PublicMarkdown } from "../../src/github/inline-text.ts";
import { findMark } from "../../src/github/mark.ts";
import { receiptSchema, renderReceipt, type Receipt } from "../../src/github/receipt.ts";
import {
  noNotices,
  renderStatusComment,
  type StatusPhase,
  type StatusView,
} from "../../src/github/status-comment.ts";

const taskId = "0192f0c1-1111-7000-8000-000000000000";
const safe = (text: string) => text as PublicMarkdown;

const receipt: Receipt = receiptSchema.parse({
  remoteSha: "0123456789abcdef0123456789abcdef01234567",
  branch: "claude/12-fix-login",
  pullNumber: 13,
  files: [{ path: "src/login.ts", additions: 10, deletions: 2 }],
  totals: { files: 1, additions: 10, deletions: 2 },
  commands: [
    { command: "npm test", ok: false },
    { command: "npm test", ok: true },
  ],
  droppedCommands: 0,
  checks: [],
  durationMs: 125_000,
  models: ["claude-sonnet-4-5"],
  tokens: { input: 12_345, output: 678, cacheRead: 99_999, cacheWrite: 1_200 },
  costMicroUsd: 123_456,
  priceMicroUsd: null,
  payer: "acme",
  charged: false,
  reason: "this server bills nobody",
});

const render = (phase: StatusPhase, more: Partial<StatusView> = {}) =>
  renderStatusComment({
    taskId,
    requester: "alice",
    phase,
    todos: [],
    notices: noNotices,
    links: [],
    ...more,
  });

const pull = { number: 13, draft: true };
const failure = {
  what: "The model's API refused the key.",
  remedy: "Set another `ANTHROPIC_API_KEY`.",
  retryHelps: false,
};
const phases: Record<StatusPhase["kind"], StatusPhase> = {
  queued: {
    kind: "queued",
    place: 3,
    of: 7,
    estimate: { typicalMs: 360_000, longMs: 380_000 },
    reason: "your plan's 3 slots are busy",
  },
  starting: { kind: "starting", step: "preparing the sandbox" },
  running: {
    kind: "running",
    elapsedMs: 130_000,
    costMicroUsd: 120_000,
    budgetMicroUsd: 5_000_000,
    branch: "claude/12-x",
    verifiedSha: null,
  },
  waiting: { kind: "waiting", question: safe("Shall I?"), answer: "Write `/claude approve`." },
  finished: {
    kind: "finished",
    headline: "Fix the login test",
    pull,
    branch: "claude/12-x",
    summary: safe("It raced."),
    receipt,
  },
  unchanged: { kind: "unchanged", text: null, receipt },
  answered: { kind: "answered", text: safe("In `src/a.ts`."), receipt },
  failed: { kind: "failed", failure, pull: null, receipt },
  timeout: { kind: "timeout", limitMs: 1_800_000, pull, receipt },
  cancelled: { kind: "cancelled", by: "bob", receipt: null },
  refused: { kind: "refused", reason: "the issue was closed", remedy: "Open it again." },
};

test.each([
  ["queued", "⏳ **Waiting**: 3rd of 7, about 6 min, your plan's 3 slots are busy"],
  ["starting", "🚀 **Starting**: preparing the sandbox"],
  ["running", "🛠️ **Working** for 2 min 10 s, $0.12 of $5.00 spent"],
  ["waiting", "✋ **Waiting for an answer** from somebody with write access"],
  ["finished", "✅ **Fix the login test** is in #13, a draft to review"],
  ["unchanged", "☑️ **Nothing to change**"],
  ["answered", "💬 **Answer** to alice"],
  ["failed", "❌ **Failed**: The model's API refused the key."],
  ["timeout", "⌛ **Stopped after 30 min**, the time limit of this task"],
  ["cancelled", "🛑 **Stopped** by bob"],
  ["refused", "🚫 **Not started**: the issue was closed"],
] as const)("the first line of %s says where it stands, the last one is the mark", (kind, line) => {
  const lines = render(phases[kind]).split("\n");
  expect(lines[0]).toBe(line);
  expect(lines.at(-1)).toBe(`<!-- remote-claude:task:${taskId} -->`);
  expect(findMark(render(phases[kind]))).toEqual({ kind: "task", key: taskId });
});

test("a whole one, as it stands on GitHub", () => {
  const todos = [
    { text: "Read the *test*", state: "completed" },
    { text: "Fix it", state: "in_progress" },
    { text: "Run `npm test`", state: "pending" },
  ] as const;
  expect(
    render(phases.running, { todos, links: [{ label: "log", url: "https://bot.test/tasks/1?a=b c" }] }),
  ).toBe(
    [
      "🛠️ **Working** for 2 min 10 s, $0.12 of $5.00 spent",
      "Branch `claude/12-x`, nothing pushed yet",
      "- [x] Read the \\*test\\*\n- [ ] **Fix it** …\n- [ ] Run `npm test`",
      "<sub>Asked for by alice · [log](<https://bot.test/tasks/1?a=b%20c>) · `/claude stop` ends it</sub>",
      `<!-- remote-claude:task:${taskId} -->`,
    ].join("\n\n"),
  );
});

describe("what is said besides", () => {
  test("an ended task folds its steps", () => {
    const todos = [
      { text: "One", state: "completed" },
      { text: "Two", state: "in_progress" },
    ] as const;
    expect(render(phases.finished, { todos })).toContain(
      "<details><summary>Steps: 1 of 2 done</summary>\n\n- [x] One\n- [ ] Two\n\n</details>",
    );
  });

  test("a failure says what to do, whether trying again helps and who pays", () => {
    const text = render(phases.failed);
    expect(text).toContain("Set another `ANTHROPIC_API_KEY`.");
    expect(text).toContain("Trying again before that will not help.");
    expect(text).toContain("Nothing was charged: this server bills nobody.");
  });

  test("nothing pushed because all of it was left out is not nothing to change", () => {
    const notices = {
      ...noNotices,
      leftOutFiles: [{ path: ".github/workflows/ci.yml", reason: "a workflow" }],
      leftOutPatch: "+```x\n",
    };
    const text = render(phases.unchanged, { notices });
    expect(text).toMatch(/^☑️ \*\*Nothing pushed\*\*/);
    expect(text).toContain("- `.github/workflows/ci.yml`: a workflow");
    expect(text).toContain("````diff\n+```x\n````");
  });

  test("notices, each on its line", () => {
    const notices = { ...noNotices, hiddenPieces: 1, leftOutComments: 2, rebuilt: "whole" as const };
    const text = render(phases.running, { notices });
    expect(text).toContain("> The sandbox had to be rebuilt from its last checkpoint; nothing was lost.");
    expect(text).toContain("> 1 piece of hidden text in the input was not given to Claude.");
    expect(text).toContain("> 2 comments by people without write access were left out.");
  });

  test("foreign words stay words", () => {
    const text = render({
      ...phases.failed,
      failure: {
        what: "@bob <!-- remote-claude:task:2 --> ![x](y)",
        remedy: "a\n\n/claude stop",
        retryHelps: true,
      },
    } as StatusPhase);
    expect(text.split("\n")[0]).toBe("❌ **Failed**: `@bob` \\<!-- remote-claude:task:2 --\\> !\\[x\\](y)");
    expect(text).toContain("a `/claude` stop");
  });
});

test("the longest possible comment fits, and keeps its mark", () => {
  const long = "x".repeat(3_000);
  const receiptWithAll = {
    ...receipt,
    files: Array.from({ length: 100 }, () => ({ path: long, additions: 1, deletions: 1 })),
    commands: Array.from({ length: 100 }, () => ({ command: long, ok: true })),
  };
  const todos = Array.from({ length: 50 }, () => ({ text: long, state: "pending" as const }));
  const text = render(
    { kind: "answered", text: safe("é".repeat(29_900)), receipt: receiptWithAll },
    {
      todos,
      notices: {
        ...noNotices,
        leftOutPatch: long.repeat(6),
        leftOutFiles: Array.from({ length: 50 }, () => ({ path: long, reason: long })),
      },
    },
  );
  expect(text.length).toBeLessThan(65_536);
  expect(findMark(text)).not.toBeNull();
});

test("the receipt", () => {
  expect(renderReceipt(receipt)).toBe(
    [
      "<details><summary>Receipt: 1 file +10 −2, 2 min 5 s, $0.12</summary>",
      [
        "| | |",
        "|---|---|",
        "| Pushed | `0123456789ab`, read back from GitHub |",
        "| Branch | `claude/12-fix-login` |",
        "| Pull request | #13 |",
        "| Time | 2 min 5 s |",
        "| Model | `claude-sonnet-4-5` |",
        "| Tokens | 12,345 in, 678 out, 99,999 from cache, 1,200 into cache |",
        "| Model cost | $0.12 |",
        "| Charged | nothing: this server bills nobody |",
      ].join("\n"),
      "**Files**",
      "- `src/login.ts` +10 −2",
      "**Commands, as Claude reported them**",
      "- ❌ `npm test`\n- ✅ `npm test`",
      "</details>",
    ].join("\n\n"),
  );
  expect(renderReceipt({ ...receipt, charged: true, priceMicroUsd: 200_000, reason: null })).toContain(
    "| Charged | $0.20 to acme |",
  );
  expect(
    renderReceipt({
      ...receipt,
      totals: { files: 0, additions: 0, deletions: 0 },
      files: [],
      remoteSha: null,
    }),
  ).toContain("Receipt: no files changed");
});

test("the receipt names what the machine took beside the model, and they add up", () => {
  const text = renderReceipt({ ...receipt, machine: { durationMs: 760_000, costMicroUsd: 23_456 } });
  expect(text).toContain("| Model cost | $0.10 |\n| Machine | 12 min, $0.02 |");
});

test("a public thread is told no amount of money, in whatever phase", () => {
  const charged = { ...receipt, charged: true, priceMicroUsd: 200_000, reason: null };
  const paid = { ...charged, machine: { durationMs: 760_000, costMicroUsd: 23_456 } };
  const estimate = { typicalMicroUsd: 400_000, longMicroUsd: 1_100_000 };
  for (const phase of Object.values(phases)) {
    const told = "receipt" in phase && phase.receipt !== null ? { ...phase, receipt: paid } : phase;
    expect(render(told, { hidesAmounts: true, estimate }), phase.kind).not.toContain("$");
  }
  expect(render(phases.starting, { estimate })).toContain("cost up to $0.40, nine in ten up to $1.10.");
  expect(renderReceipt(paid, { full: true, amounts: false })).toContain("| Charged | to acme |");
});
