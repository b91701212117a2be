import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseAgentResult } from "../../src/github/agent-result.ts";
import type { PublicMarkdown } from "../../src/github/inline-text.ts";
import { findMark } from "../../src/github/mark.ts";
import { toPlainTitle } from "../../src/github/plain-title.ts";
import { renderPullRequest, type PullRequestInput } from "../../src/github/pull-request-text.ts";

const safe = (text: string) => text as PublicMarkdown;
const input: PullRequestInput = {
  template: null,
  title: "Wait for the session cookie",
  issueTitle: "Flaky login test",
  issueNumber: 12,
  sections: { summary: safe("It waits."), why: safe("It raced."), testing: safe("`npm test`") },
  requester: "alice",
  sessionUrl: null,
  taskId: "t1",
  leftOut: [],
  files: [],
};
const foot = [
  "<sub>Asked for by alice · written by Claude, to be reviewed by you</sub>",
  "<!-- remote-claude:pull-request:t1 -->",
];
/** The digests in the mark are another test's matter. */
const render = (from: PullRequestInput) => {
  const { title, body } = renderPullRequest(from);
  return { title, body: body.replace(/(:t1):[0-9a-f]{12}:[0-9a-f]{12} -->$/, "$1 -->") };
};
const body = (fields: Partial<PullRequestInput>) => render({ ...input, ...fields }).body;

test("without a template", () => {
  expect(render(input)).toEqual({
    title: "Wait for the session cookie",
    body: [
      "## Summary",
      "It waits.",
      "## Why",
      "It raced.",
      "## How it was tested",
      "`npm test`",
      "Closes #12",
      ...foot,
    ].join("\n\n"),
  });
});

test("without anything to say", () => {
  expect(render({ ...input, title: null, sections: { summary: null, why: null, testing: null } })).toEqual({
    title: "Flaky login test",
    body: ["Closes #12", ...foot].join("\n\n"),
  });
});

test("files left out, and the session", () => {
  const text = body({
    leftOut: [{ path: ".github/workflows/ci.yml", reason: "a workflow" }],
    sessionUrl: "https://bot.test/s/1",
  });
  expect(text).toContain("- `.github/workflows/ci.yml`: a workflow");
  expect(text).toContain("Asked for by alice · [session](<https://bot.test/s/1>) ·");
});

describe("the repository's own template", () => {
  test("is filled in: our words under its headings, instructions gone, check-boxes kept", () => {
    const template =
      "## Description\r\n\r\n<!-- Describe your change -->\r\nPlease describe.\r\n\r\nFixes # (issue)\r\n\r\n## Type of change\r\n\r\n- [ ] Bug fix\r\n\r\n## How Has This Been Tested?\r\n\r\nPlease describe the tests.\r\n\r\n- [ ] Unit\r\n\r\n## Checklist\r\n\r\n- [ ] I have added tests\r\n";
    expect(body({ template })).toBe(
      [
        "## Description",
        "It waits.",
        "**Why**",
        "It raced.",
        "Closes #12",
        "## Type of change",
        "- [ ] Bug fix",
        "## How Has This Been Tested?",
        "`npm test`",
        "- [ ] Unit",
        "## Checklist",
        "- [ ] I have added tests",
        ...foot,
      ].join("\n\n"),
    );
  });

  test("with a heading for each section", () => {
    const template = "Summary\n=======\n\nMotivation\n----------\n\n### Test plan\n";
    expect(body({ template })).toBe(
      [
        "Summary\n=======",
        "It waits.",
        "Motivation\n----------",
        "It raced.",
        "### Test plan",
        "`npm test`",
        "Closes #12",
        ...foot,
      ].join("\n\n"),
    );
  });

  test("without headings comes after our words", () => {
    expect(body({ template: "- [ ] I signed the CLA" })).toBe(
      [
        "**Summary**",
        "It waits.",
        "**Why**",
        "It raced.",
        "**How it was tested**",
        "`npm test`",
        "- [ ] I signed the CLA",
        "Closes #12",
        ...foot,
      ].join("\n\n"),
    );
  });

  test("keeps what belongs to headings that we have nothing for", () => {
    const sections = { summary: safe("It waits."), why: null, testing: null };
    expect(body({ template: "## What\n\n## Tests\n\nRun them.", sections })).toBe(
      ["## What", "It waits.", "## Tests", "Run them.", "Closes #12", ...foot].join("\n\n"),
    );
  });

  test("an issue in a comment is not the place for the number", () => {
    expect(body({ template: "## What\n\n<!-- Closes # -->" })).toContain("\n\nCloses #12\n\n");
  });

  test("a heading in a fence is none", () => {
    expect(body({ template: "```\n## Summary\n```" })).toContain("```\n## Summary\n```");
  });
});

describe("titles", () => {
  test.each([
    ["Fix the login test.", "Fix the login test"],
    ["# Fix **it** in `foo()`", "Fix it in foo()"],
    ["Fix #12: crash", "Fix: crash"],
    ["fixes: #1 #2, GH-3", "fixes, GH-3"],
    ["Run __init__.py", "Run __init__.py"],
    ["Stop the crash (fixes #12)", "Stop the crash"],
    ["Closes acme/web#3 and thanks @bob", "Closes and thanks bob"],
    ["Fixes https://github.com/a/b/issues/3 at last", "Fixes at last"],
    ["<!-- x --> a\nb\u202E", "!-- x -- a b"],
    ["word ".repeat(30), `${"word ".repeat(14).trim()}…`],
    ["…", "…"],
    ["", ""],
  ])("%j", (text, title) => {
    expect(toPlainTitle(text)).toBe(title);
  });

  test("any title is one short line that mentions and closes nothing", () => {
    const part = fc.oneof(
      fc.constantFrom(
        "@bob",
        "fixes",
        "close:",
        "#1",
        "GH-2",
        "a/b#3",
        "`",
        ".",
        "\n",
        "https://github.com/a/b/issues/4",
        "(",
      ),
      fc.string({ unit: "binary", maxLength: 8 }),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 20 }), (parts) => {
        const { title, body: text } = renderPullRequest({ ...input, title: parts.join(" ") });
        expect(Array.from(title).length).toBeLessThanOrEqual(72);
        expect(title).toMatch(/^\S(?:.*[^\s.])?$/u);
        expect(title).not.toMatch(/@\w/);
        expect(title).not.toMatch(/\b(?:close|fixe?|resolve)[sd]?[:\s]+(?:[\w.-]+\/[\w.-]+)?(?:#|GH-)\d/i);
        expect(findMark(text)).toEqual({
          kind: "pull-request",
          key: expect.stringMatching(/^t1:/) as string,
        });
      }),
      { numRuns: 500 },
    );
  });
});

describe("Claude's result file", () => {
  const empty = {
    title: null,
    summary: null,
    why: null,
    testing: null,
    threads: [],
    questions: null,
    contradictions: [],
  };
  test.each([
    ["", empty],
    [
      "# Title\n\n## Summary\n\nA\n\n## Why\nB\n\n## How it was tested\n- C\n",
      { title: "Title", summary: "A", why: "B", testing: "- C" },
    ],
    [
      "Title: Fix it\r\n\r\nJust words.\r\n\r\n### Testing\r\nC",
      { title: "Fix it", summary: "Just words.", why: null, testing: "C" },
    ],
    [
      "**Fix it**\n\n## Summary\nA\n\n## Notes\nN\n\n## What changed\nMore",
      { title: "Fix it", summary: "A\n\n## Notes\nN\n\nMore", why: null, testing: null },
    ],
    ["# T\n\n```\n## Why\n```", { ...empty, title: "T", summary: "```\n## Why\n```" }],
  ])("%j", (markdown, result) => {
    expect(parseAgentResult(markdown)).toEqual({ ...empty, ...result });
  });

  test("never fails", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc.constantFrom("#", "## Why", "## Summary", "\n", "```", "> "),
            fc.string({ unit: "binary", maxLength: 10 }),
          ),
          { maxLength: 20 },
        ),
        (parts) => {
          expect(() => parseAgentResult(parts.join("\n"))).not.toThrow();
        },
      ),
      { numRuns: 300 },
    );
  });
});

test.each([
  ["20 files of 25 lines", 20, 25, false],
  ["21 files", 21, 1, true],
  ["501 lines", 1, 501, true],
  ["a binary file", 1, null, false],
])("a large change says so: %s", (_, count, additions, says) => {
  const files = Array.from({ length: count }, (_, at) => ({ path: `f${at}`, additions, deletions: 0 }));
  expect(renderPullRequest({ ...input, files }).body.includes("This is a large change")).toBe(says);
});
