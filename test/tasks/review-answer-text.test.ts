import { expect, test } from "vitest";
import { findMark } from "../../src/github/mark.ts";
import type { PublicMarkdown } from "../../src/github/inline-text.ts";
import { renderThreadAnswer } from "../../src/tasks/review-answer-text.ts";
import { judgeThread, type ReviewPush } from "../../src/tasks/review-judge.ts";
import { renderReviewReport } from "../../src/tasks/review-report.ts";

const sha = "a".repeat(40);
const push: ReviewPush = { sha, remoteSha: sha, paths: ["src/a.ts", "src/b.ts"] };
const url = "https://github.com/acme/widgets/pull/7";
const text = "It turns." as PublicMarkdown;
const say = (verdict: "done" | "not-done" | null, path: string, pushed: ReviewPush = push) => {
  const judged = judgeThread({ path }, { commentId: 5, verdict, text }, pushed);
  const input = { judged, push: pushed, path, pullUrl: url, taskId: "t1", commentId: 5 };
  return renderThreadAnswer(input);
};
const commit = `[\`${"a".repeat(12)}\`](<${url}/commits/${sha}>)`;
const end = "<!-- remote-claude:thread:t1:5 -->";

test("handled, with the verified commit", () => {
  expect(say("done", "src/a.ts")).toBe(
    `✅ Handled in ${commit}, read back from GitHub.\n\nIt turns.\n\n${end}`,
  );
  const moved = { ...push, remoteSha: "b".repeat(40) };
  expect(say("done", "src/a.ts", moved)).toContain(`moved on to \`${"b".repeat(12)}\``);
});

test("said to be done, and not in the commit", () => {
  expect(say("done", "src/c.ts")).toBe(
    `☑️ Claude says that this is done:\n\nIt turns.\n\nThe pushed commit ${commit} does not touch \`src/c.ts\`, so the thread stays open for you to judge. It changes \`src/a.ts\`, \`src/b.ts\`.\n\n${end}`,
  );
  expect(say("done", "src/a.ts", null)).toContain("Nothing was pushed in this round");
});

test("not done, or not a word that could be read", () => {
  expect(say("not-done", "src/a.ts")).toContain("↩️ Not changed, and why:\n\nIt turns.");
  expect(say(null, "src/a.ts")).toContain("⚠️ Not handled");
  const silent = judgeThread({ path: "src/a.ts" }, undefined, push);
  expect(silent).toEqual({ as: "left", text: null });
});

test("every answer can be found again", () => {
  for (const verdict of ["done", "not-done", null] as const)
    for (const pushed of [push, null])
      expect(findMark(say(verdict, "x", pushed))).toEqual({ kind: "thread", key: "t1:5" });
});

test("the status comment's line", () => {
  const answers = new Map([
    [1, { kind: "said", as: "handled", leg: 1 }],
    [2, { kind: "said", as: "claimed", leg: 1 }],
    [3, { kind: "said", as: "left", leg: 1 }],
    [4, { kind: "settled" }],
  ] as const);
  expect(renderReviewReport({ answers, resolved: [1], asked: 1, leftOut: 2 })).toBe(
    "**Review**: of 5 threads, 1 handled (1 resolved), 1 answered, 1 left, 1 resolved by somebody meanwhile, 1 waits for an answer. 2 further remarks were not taken in.",
  );
});
