import { describe, expect, test } from "vitest";
import type { ReviewRemark } from "../../src/github/read-review.ts";
import { freezeReview, type ReviewMaterial } from "../../src/tasks/freeze-review.ts";
import { toVisibleText } from "../../src/tasks/visible-text.ts";

const alice = { id: 1, login: "alice", type: "User" };
const bob = { id: 2, login: "bob", type: "User" };
const robot = { id: 3, login: "robot[bot]", type: "Bot" };
const trigger = new Date("2026-11-20T10:00:00Z");
const earlier = new Date("2026-11-20T09:00:00Z");
const later = new Date("2026-11-20T10:00:01Z");

const remark = (id: number, set: Partial<ReviewRemark> = {}): ReviewRemark => ({
  ...{ id, reviewId: 50, inReplyTo: null, author: alice, viaAppId: null, body: `remark ${id}` },
  ...{ createdAt: earlier, updatedAt: earlier, path: "a.txt", line: id, startLine: null, side: "RIGHT" },
  ...{ outdated: false, diffHunk: "@@ -1 +1 @@\n+a" },
  ...set,
});

function freeze(remarks: ReviewRemark[], askedIds: number[], set: Partial<ReviewMaterial> = {}) {
  const material: ReviewMaterial = {
    ...{ id: 50, state: "commented", author: "alice", body: "", notes: [], remarks },
    askedIds: new Set(askedIds),
    ...set,
  };
  const visible = (markdown: string) => toVisibleText(markdown).text;
  return freezeReview(material, { writers: new Set([alice.id]), before: trigger, visible });
}

const idsOf = ({ threads }: ReturnType<typeof freeze>) =>
  threads.map(({ remarks }) => remarks.map(({ id }) => id));

describe("what of a thread belongs to the task", () => {
  test.each<[string, ReviewRemark[], number[], number[][], number]>([
    ["the remark that asks", [remark(1)], [1], [[1]], 0],
    ["a thread in which nobody asks is left alone", [remark(1), remark(2)], [2], [[2]], 0],
    [
      "what a writer said before in the same thread",
      [remark(1), remark(2, { inReplyTo: 1 })],
      [2],
      [[1, 2]],
      0,
    ],
    [
      "not what an outsider said in it",
      [remark(1, { author: bob }), remark(2, { inReplyTo: 1 })],
      [2],
      [[2]],
      1,
    ],
    [
      "nor what a deleted account said",
      [remark(1, { author: null }), remark(2, { inReplyTo: 1 })],
      [2],
      [[2]],
      1,
    ],
    [
      "a bot's words go without being counted",
      [remark(1, { author: robot }), remark(2, { inReplyTo: 1 })],
      [2],
      [[2]],
      0,
    ],
    [
      "not what came after the trigger",
      [remark(1), remark(2, { inReplyTo: 1, createdAt: later, updatedAt: later })],
      [1],
      [[1]],
      1,
    ],
    [
      "not what was edited after it",
      [remark(1, { updatedAt: later }), remark(2, { inReplyTo: 1 })],
      [2],
      [[2]],
      1,
    ],
    [
      "one of the trigger's own second is not before it",
      [remark(1, { createdAt: trigger, updatedAt: trigger }), remark(2, { inReplyTo: 1 })],
      [2],
      [[2]],
      1,
    ],
    ["what asks stays, edited or not", [remark(1, { createdAt: later, updatedAt: later })], [1], [[1]], 0],
    ["a thread whose first remark was deleted", [remark(2, { inReplyTo: 1 })], [2], [[2]], 0],
  ])("%s", (_, remarks, asked, ids, leftOut) => {
    const frozen = freeze(remarks, asked);
    expect(idsOf(frozen)).toEqual(ids);
    expect(frozen.leftOut).toBe(leftOut);
  });
});

describe("where a thread stands", () => {
  test.each<[string, Partial<ReviewRemark>, object]>([
    ["a line", { line: 7 }, { line: 7, startLine: null, side: "RIGHT", outdated: false }],
    ["several lines", { startLine: 3, line: 7 }, { startLine: 3, line: 7 }],
    ["a removed line", { side: "LEFT" }, { side: "LEFT" }],
    ["a line that is no more", { outdated: true, line: 9 }, { outdated: true, line: 9 }],
    ["a whole file", { line: null, path: "b.txt" }, { path: "b.txt", line: null, outdated: false }],
  ])("%s", (_, set, seen) => {
    expect(freeze([remark(1, set)], [1]).threads).toMatchObject([{ commentId: 1, ...seen }]);
  });

  test("the thread keeps the place of its first remark", () => {
    const answer = remark(2, { inReplyTo: 1, line: 99, path: "other.txt" });
    expect(freeze([remark(1), answer], [2]).threads).toMatchObject([
      { commentId: 1, path: "a.txt", line: 1 },
    ]);
  });
});

describe("what is too much", () => {
  test("a hundred threads are kept, what is beyond them is counted", () => {
    const remarks = Array.from({ length: 103 }, (_, index) => remark(index + 1));
    const frozen = freeze(
      remarks,
      remarks.map(({ id }) => id),
    );
    expect(frozen.threads).toHaveLength(100);
    expect(frozen.leftOut).toBe(3);
  });

  test("of a long thread the newest fifty are kept, the rest is counted", () => {
    const remarks = Array.from({ length: 60 }, (_, index) =>
      remark(index + 1, index === 0 ? {} : { inReplyTo: 1 }),
    );
    const frozen = freeze(remarks, [60]);
    expect(idsOf(frozen)[0]).toEqual(Array.from({ length: 50 }, (_, index) => index + 11));
    expect(frozen.leftOut).toBe(10);
  });

  test("of a long hunk its head and the lines above the comment are kept", () => {
    const hunk = ["@@ -1,100 +1,100 @@", ...Array.from({ length: 100 }, (_, index) => ` line ${index}`)].join(
      "\n",
    );
    const lines = freeze([remark(1, { diffHunk: hunk })], [1]).threads[0]?.diffHunk.split("\n") ?? [];
    expect(lines).toHaveLength(40);
    expect([lines[0], lines[1], lines.at(-1)]).toEqual(["@@ -1,100 +1,100 @@", "…", " line 99"]);
  });
});

describe("words", () => {
  test("what nobody sees is taken out of the review, its notes and its remarks", () => {
    const hidden = "seen <!-- unseen -->";
    const notes = [{ id: 9, author: "alice", at: earlier, body: hidden }];
    const frozen = freeze([remark(1, { body: hidden })], [1], { body: hidden, notes });
    expect(JSON.stringify(frozen)).not.toContain("unseen");
    expect(frozen.notes).toMatchObject([{ id: 9, author: "alice", at: earlier.toISOString() }]);
  });

  test("a suggestion stays as it was written", () => {
    const body = "Better:\n```suggestion\nturned twice\n```";
    expect(freeze([remark(1, { body })], [1]).threads[0]?.remarks[0]?.body).toBe(body);
  });
});
