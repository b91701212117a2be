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
  const side = item["side"] === "LEFT" ? "LEFT" : "RIGHT";
  const startLine = typeof item["start_line"] === "number" ? item["start_line"] : null;
  if (item["subject_type"] === "file") return { ...noPlace, path, side };
  const line = typeof item["line"] === "number" ? item["line"] : null;
  const hunk = line === null ? undefined : hunkAt(change.patch ?? "", line, side);
  if (line === null || hunk === undefined) {
    throw invalid("PullRequestReviewComment", { field: "line", message: "line must be part of the diff" });
  }
  return { path, line, startLine, side, startSide: side, diffHunk: hunk };
}

/** The hunk up to and including a line of one side, or undefined when the patch does not show that line. */
function hunkAt(patch: string, line: number, side: "LEFT" | "RIGHT"): string | undefined {
  let [left, right] = [0, 0];
  let shown: string[] = [];
  for (const row of patch.split("\n")) {
    const header = /^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@/.exec(row);
    if (header !== null) {
      [left, right] = [Number(header[1]) - 1, Number(header[2]) - 1];
      shown = [row];
      continue;
    }
    shown.push(row);
    // "\ No newline at end of file" is no line of either side.
    if (row.startsWith("\\")) continue;
    if (!row.startsWith("+")) left += 1;
    if (!row.startsWith("-")) right += 1;
    const isHere =
      side === "LEFT" ? left === line && !row.startsWith("+") : right === line && !row.startsWith("-");
    if (isHere) return shown.join("\n");
  }
  return undefined;
}
