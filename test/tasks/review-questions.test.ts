import { expect, test } from "vitest";
import type { PublicMarkdown } from "../../src/github/inline-text.ts";
import type { FrozenContext, FrozenReviewThread } from "../../src/tasks/frozen-context.ts";
import { findOpenQuestions } from "../../src/tasks/review-questions.ts";
import type { TurnResult } from "../../src/tasks/turn-result.ts";

const safe = (text: string) => text as PublicMarkdown;
const thread = (commentId: number, author: string): FrozenReviewThread => ({
  ...{ commentId, path: "src/a.ts", line: 4, startLine: null, side: "RIGHT", outdated: false, diffHunk: "" },
  remarks: [{ id: commentId, author, at: "2026-01-01T00:00:00Z", body: "x" }],
});
const context = {
  pull: { url: "https://github.com/acme/widgets/pull/7" },
  review: { threads: [thread(1, "alice"), thread(2, "carol")] },
} as unknown as Pick<FrozenContext, "review" | "pull">;
const nothing: Pick<TurnResult, "threads" | "questions" | "contradictions"> = {
  ...{ threads: [], questions: null, contradictions: [] },
};
const find = (turn: Partial<typeof nothing>, asked: string[] = []) =>
  findOpenQuestions({ ...nothing, ...turn }, context, new Set(asked));

test("a contradiction names both threads with their people, and waits for both", () => {
  const found = find({ contradictions: [{ threadIds: [2, 1], text: safe("tabs or spaces?") }] });
  expect(found?.text).toBe(
    "**These ask for opposite things; which shall it be?**\n\n" +
      "- [ ] [alice on `src/a.ts` line 4](<https://github.com/acme/widgets/pull/7#discussion_r1>) and " +
      "[carol on `src/a.ts` line 4](<https://github.com/acme/widgets/pull/7#discussion_r2>): tabs or spaces?",
  );
  expect([...(found?.threadIds ?? [])]).toEqual([1, 2]);
});

test("it is asked about once, in whatever order it is named", () => {
  const turn = { contradictions: [{ threadIds: [1, 2], text: safe("tabs?") }] };
  const keys = find(turn)?.keys ?? [];
  expect(find({ contradictions: [{ threadIds: [2, 1], text: safe("spaces?") }] }, keys)).toBeNull();
});

test("a question on a thread, and questions of the work", () => {
  const found = find({
    threads: [
      { commentId: 1, verdict: "question", text: safe("which name?") },
      { commentId: 99, verdict: "question", text: safe("of no thread here") },
    ],
    questions: safe("- [ ] Which colour?"),
  });
  expect(found?.text).toContain("which name?");
  expect(found?.text).not.toContain("of no thread here");
  expect(found?.text).toContain("**Questions**\n\n- [ ] Which colour?");
  expect([...(found?.threadIds ?? [])]).toEqual([1]);
});

test.each(["None.", "- none", "No questions", "N/A"])("%s is no question", (words) => {
  expect(find({ questions: safe(words), contradictions: [{ threadIds: [], text: safe(words) }] })).toBeNull();
});

test("however much is asked, it fits into a comment", () => {
  const many = Array.from({ length: 100 }, (_, at) => thread(1_000 + at, "alice"));
  const found = findOpenQuestions(
    {
      threads: many.map(({ commentId }) => ({
        commentId,
        verdict: "question" as const,
        text: safe("x".repeat(1_200)),
      })),
      questions: safe("y".repeat(12_000)),
      contradictions: Array.from({ length: 10 }, (_, at) => ({
        threadIds: Array.from({ length: 200 }, (__, id) => 1_000_000_000 + 200 * at + id),
        text: safe("z".repeat(1_500)),
      })),
    },
    { pull: context.pull, review: { ...context.review, threads: many } as FrozenContext["review"] },
    new Set(),
  );
  expect(found?.text.length).toBeLessThan(60_000);
  expect(found?.threadIds.size).toBeLessThan(100);
});
