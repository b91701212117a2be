import type { FileChange } from "./git-read.ts";
import { invalid } from "./http-error.ts";
import { text } from "./json.ts";
import type { JsonObject } from "./json.ts";
import type { ReviewComment } from "./state.ts";

/** Where an inline comment stands. */
export type Place = Pick<ReviewComment, "path" | "line" | "startLine" | "side" | "startSide" | "diffHunk">;
export const noPlace: Place = {
  path: "",
  line: null,
  startLine: null,
  side: "RIGHT",
  startSide: "RIGHT",
  diffHunk: "",
};

/** Where in the difference a comment stands; 422 for a file or line that the difference does not show. */
export function placeOf(changes: readonly FileChange[], item: JsonObject): Place {
  const path = text(item["path"]) ?? "";
  const change = changes.find((candidate) => candidate.path === path);
  if (change === undefined) throw invalid("PullRequestReviewComment", { field: "path", code: "invalid" });
  const side = sideOf(item["side"], "RIGHT");
  if (item["subject_type"] === "file") return { ...noPlace, path, side };
  const patch = change.patch ?? "";
  const line = typeof item["line"] === "number" ? item["line"] : null;
  const end = line === null ? undefined : rowAt(patch, line, side);
  if (line === null || end === undefined) throw unplaced("line", "must be part of the diff");
  const startLine = typeof item["start_line"] === "number" ? item["start_line"] : null;
  const startSide = sideOf(item["start_side"], side);
  if (startLine !== null) {
    const start = rowAt(patch, startLine, startSide);
    if (start === undefined) throw unplaced("start_line", "must be part of the diff");
    if (start.hunk !== end.hunk) throw unplaced("start_line", "must be part of the same hunk as the line.");
    if (start.row >= end.row) throw unplaced("start_line", "must precede the end line.");
  }
  return { path, line, startLine, side, startSide, diffHunk: end.shown };
}

const sideOf = (value: unknown, other: Place["side"]): Place["side"] =>
  value === "LEFT" || value === "RIGHT" ? value : other;

const unplaced = (field: string, message: string) =>
  invalid("PullRequestReviewComment", { field, message: `${field} ${message}` });

type Row = {
  hunk: number;
  row: number;
  /** The hunk up to and including the row. */
  shown: string;
};

/** Where a patch shows a line of one side; undefined where it does not. */
export function rowAt(patch: string, line: number, side: Place["side"]): Row | undefined {
  let [left, right, hunk] = [0, 0, 0];
  let shown: string[] = [];
  for (const [index, row] of patch.split("\n").entries()) {
    const header = /^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@/.exec(row);
    if (header !== null) {
      [left, right] = [Number(header[1]) - 1, Number(header[2]) - 1];
      hunk += 1;
      shown = [row];
      continue;
    }
    shown.push(row);
    // "\\ No newline at end of file" is no line of either side.
    if (row.startsWith("\\")) continue;
    if (!row.startsWith("+")) left += 1;
    if (!row.startsWith("-")) right += 1;
    const isHere =
      side === "LEFT" ? left === line && !row.startsWith("+") : right === line && !row.startsWith("-");
    if (isHere) return { hunk, row: index, shown: shown.join("\n") };
  }
  return undefined;
}
