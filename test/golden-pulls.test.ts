import { expect, test } from "vitest";
import type { PublicMarkdown } from "../src/github/inline-text.ts";
import { renderPullRequest, type PullRequestInput } from "../src/github/pull-request-text.ts";
import type { ServerCheck } from "../src/github/server-check.ts";
import { describeSettingsChange, type SettingsSide } from "../src/github/settings-change.ts";
import type { FrozenCheck } from "../src/tasks/frozen-context.ts";
import { renderThreadAnswer } from "../src/tasks/review-answer-text.ts";
import type { Judged, ReviewPush } from "../src/tasks/review-judge.ts";
import { renderReviewReport } from "../src/tasks/review-report.ts";
import { renderNothingToMend, renderStop, type RepairAttempt } from "../src/webhooks/checks-text.ts";
import { mergeFiles } from "./support/settings-files.ts";

/** What people read on a pull request, beside the comments of golden.test.ts. */

const taskId = "0192f0c1-1111-7000-8000-000000000000";
const sha = "4f1c2ab9d0e35867a4b1c09f8e7d6c5b4a392817";
const later = "9e8d7c6b5a493827160f5e4d3c2b1a0998877665";
const md = (...lines: string[]) => lines.join("\n") as PublicMarkdown;
const pullUrl = "https://github.com/acme/widgets/pull/13";
const serverUrl = "https://github.com";

const template = `<!-- Thank you! Please tell us what this is about. -->
## Description

Please describe your change in a few sentences.

## Motivation and context

<!-- Why is this change required? -->
Fixes # (issue)

## How has this been tested?

Please describe the tests that you ran.

## Types of changes

- [ ] Bug fix
- [ ] New feature

## Checklist

- [ ] I have read CONTRIBUTING.md
`;

const first: PullRequestInput = {
  template: null,
  title: "Wait for the session before the login test clicks",
  issueTitle: "The login test is flaky",
  issueNumber: 12,
  sections: {
    summary: md(
      "- `clickLogin()` waits for the session cookie, for 5 seconds at most.",
      "- The page's own button is disabled until then.",
    ),
    why: md(
      "The test clicked before the session was there, in about one of 30 runs. So could a person on a slow line.",
    ),
    testing: md("`npm test -- login` 50 times: no failure; it failed twice before. `npm test` once, green."),
  },
  requester: "alice",
  sessionUrl: null,
  taskId,
  leftOut: [],
  files: [
    { path: "src/login.ts", additions: 10, deletions: 2 },
    { path: "test/login.test.ts", additions: 21, deletions: 0 },
  ],
};

const passed: ServerCheck = {
  ...{ command: "npm test", exitCode: 0, ended: "exited", signal: null, durationMs: 41_000, tail: "" },
};

const bodies: Record<string, PullRequestInput> = {
  first,
  "first-with-template": { ...first, template },
  "second-turn": {
    ...first,
    title: "Wait for the session before the login test clicks, and say so on the page",
    sections: {
      ...first.sections,
      summary: md(
        "- `clickLogin()` waits for the session cookie, for 5 seconds at most.",
        "- The page's own button is disabled until then, and says why.",
      ),
    },
    requester: "bob",
  },
  "large-with-files-left-out": {
    ...first,
    files: Array.from({ length: 24 }, (_, n) => ({
      ...{ path: `src/pages/page-${n}.ts`, additions: 31, deletions: 4 },
    })),
    leftOut: [{ path: ".github/workflows/ci.yml", reason: "workflow files are never pushed" }],
  },
  "tests-failed": {
    ...first,
    checks: [
      { ...passed, command: "npm run lint" },
      {
        ...passed,
        exitCode: 1,
        tail: " FAIL  test/login.test.ts > logs in\nError: expected /home, got /login",
      },
      { ...passed, command: "npm run e2e", exitCode: null, ended: "not-run", durationMs: 0 },
    ],
  },
  "nothing-said": { ...first, title: null, sections: { summary: null, why: null, testing: null } },
};

test.each(Object.entries(bodies))("pull request: %s", async (name, input) => {
  const { title, body } = renderPullRequest(input);
  await expect(`${title}\n\n${"-".repeat(72)}\n\n${body}\n`).toMatchFileSnapshot(`golden/pull-${name}.md`);
});

const push: ReviewPush = { sha, remoteSha: sha, paths: ["src/login.ts", "test/login.test.ts"] };
const judged = (as: Judged["as"], text: string | null): Judged => ({
  ...{ as, text: text === null ? null : md(text) },
});

const threadAnswers: Record<string, { judged: Judged; push: ReviewPush }> = {
  handled: { judged: judged("handled", "The wait has a limit of 5 seconds now."), push },
  "handled-and-moved-on": { judged: judged("handled", null), push: { ...push, remoteSha: later } },
  "claimed-elsewhere": {
    judged: judged("claimed", "The limit is read from the settings now."),
    push: { ...push, paths: ["src/settings.ts"] },
  },
  "claimed-unpushed": { judged: judged("claimed", "It already did, since the commit before."), push: null },
  answered: {
    judged: judged("answered", "A longer limit would hide the very failure that this test is for."),
    push,
  },
  "answered-without-a-reason": { judged: judged("answered", null), push: null },
  left: { judged: judged("left", null), push },
  "left-with-words": { judged: judged("left", "I looked at this one."), push: null },
};

test.each(Object.entries(threadAnswers))("answer on a thread: %s", async (name, said) => {
  const text = renderThreadAnswer({ ...said, path: "src/login.ts", pullUrl, taskId, commentId: 501 });
  await expect(`${text}\n`).toMatchFileSnapshot(`golden/thread-${name}.md`);
});

test("the line about a review in the status comment", async () => {
  const text = renderReviewReport({
    answers: new Map([
      [1, { kind: "said", as: "handled", leg: 1 }],
      [2, { kind: "said", as: "handled", leg: 1 }],
      [3, { kind: "said", as: "answered", leg: 1 }],
      [4, { kind: "settled" }],
      [5, { kind: "unreachable" }],
    ]),
    ...{ resolved: [1, 2], asked: 1, leftOut: 1 },
  });
  await expect(`${text ?? ""}\n`).toMatchFileSnapshot("golden/thread-report.md");
});

const check = (name: string, verdict: FrozenCheck["verdict"], url: string | null): FrozenCheck => ({
  ...{ id: null, name, url, conclusion: "failure", verdict, summary: "", logTail: null },
});
const unit = check("unit (22)", "real", "https://github.com/acme/widgets/actions/runs/7/job/71");

const attempt = (outcome: RepairAttempt["outcome"], headSha: string): RepairAttempt => ({
  context: {
    base: { ref: "main", sha },
    checks: { headSha, attempt: 1, checks: [unit, check("e2e", "flaky", null)] },
  },
  outcome,
});

const notes: Record<string, string> = {
  "checks-nothing-to-mend": renderNothingToMend(
    [check("e2e", "flaky", null), check("lint", "baseline", "https://ci.example.org/lint/9")],
    { headSha: sha, serverUrl },
  ),
  "checks-stop": renderStop({
    ...{ headSha: later, serverUrl, checks: [unit] },
    attempts: [
      attempt({ kind: "timeout", afterMs: 2_700_000 }, later),
      attempt({ kind: "no-changes", text: null }, later),
      attempt(
        {
          ...{ kind: "published", title: "Mend the fixture", branch: "claude/12-x", sha: later, text: null },
          ...{ pull: null, leftOut: { files: [], patch: null } },
        },
        sha,
      ),
    ],
  }),
};

const side = (own: string): SettingsSide => ({ ...mergeFiles({ own }), problems: [], state: "valid" });
const base = side("model: claude-sonnet-4-5\nlimits: { turns: 60 }\nprotected_paths: [infra/]\n");
const settings: Record<string, string | null> = {
  "settings-change": describeSettingsChange(
    base,
    side("model: claude-opus-4-5\nprotected_paths: [infra/, deploy/]\npr: { reviewers: [octocat] }\n"),
  ),
  "settings-invalid": describeSettingsChange(base, {
    ...{ entries: [], state: "invalid" },
    problems: [
      { line: 3, message: "setpu: there is no such key; did you mean setup?" },
      { line: 7, message: "limits.turns: expected a whole number of model turns from 1 to 1000, got 0" },
    ],
  }),
  "settings-mended": describeSettingsChange({ ...base, state: "invalid" }, base),
};

test.each(Object.entries({ ...notes, ...settings }))("note: %s", async (name, text) => {
  await expect(`${text ?? ""}\n`).toMatchFileSnapshot(`golden/note-${name}.md`);
});
