import { expect, test } from "vitest";
import { readChangedLines } from "../../src/github/pull-diff.ts";
import { readFindings } from "../../src/tasks/findings.ts";

const lines = readChangedLines(
  [
    "diff --git a/a.ts b/a.ts",
    "--- a/a.ts",
    "+++ b/a.ts",
    "@@ -3 +3,2 @@",
    "-old();",
    "+one();",
    "+two();",
    "",
  ].join("\n"),
);

const read = (value: unknown) =>
  readFindings(typeof value === "string" ? value : JSON.stringify(value), lines);

test("a remark on a changed line is inline, any other is told elsewhere", () => {
  const findings = read({
    summary: "fine",
    comments: [
      { path: "a.ts", line: 4, body: "on an added line" },
      { path: "a.ts", line: 3, side: "LEFT", body: "on a removed one" },
      { path: "a.ts", line: 5, body: "beside the diff" },
      { path: "b.ts", line: 3, body: "in another file" },
      { path: "a.ts", body: "on the whole file" },
    ],
  });
  expect(findings?.inline).toMatchObject([
    { line: 4, side: "RIGHT", startLine: null },
    { line: 3, side: "LEFT" },
  ]);
  expect(findings?.elsewhere.map(({ body }) => body)).toEqual([
    "beside the diff",
    "in another file",
    "on the whole file",
  ]);
});

test("one place is remarked on once; several lines only where all of them can be shown", () => {
  const findings = read({
    summary: "",
    comments: [
      { path: "a.ts", line: 4, start_line: 3, body: "first" },
      { path: "a.ts", line: 4, body: "second" },
      { path: "a.ts", line: 3, start_line: 1, body: "third" },
    ],
  });
  expect(findings?.inline).toMatchObject([
    { startLine: 3, body: "first\n\nsecond" },
    { line: 3, startLine: null },
  ]);
});

test("the key of a place is its text, not its number, so that a second review finds it again", () => {
  const later = readChangedLines(
    ["diff --git a/a.ts b/a.ts", "--- a/a.ts", "+++ b/a.ts", "@@ -9,0 +10 @@", "+  one();", ""].join("\n"),
  );
  const remark = (line: number) =>
    JSON.stringify({ summary: "", comments: [{ path: "a.ts", line, body: "x" }] });
  expect(readFindings(remark(10), later)?.inline[0]?.key).toBe(read(remark(3))?.inline[0]?.key);
  expect(read(remark(4))?.inline[0]?.key).not.toBe(read(remark(3))?.inline[0]?.key);
});

test.each([
  ["a fence around it", '```json\n{"summary":"s"}\n```', "s"],
  ["words around it", 'Here: {"summary":"s"} Done.', "s"],
])("reads it with %s", (_, text, summary) => expect(read(text)).toMatchObject({ summary, inline: [] }));

test.each([
  ["no JSON", "I found nothing."],
  ["broken JSON", '{"summary": '],
  ["no summary", "{}"],
  ["a line that is none", '{"summary":"s","comments":[{"path":"a.ts","line":-1,"body":"x"}]}'],
])("%s is no review", (_, text) => expect(read(text)).toBeNull());
