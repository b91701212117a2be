import { pullChanges } from "./facts-pulls.ts";
import { readChanges } from "./git-read.ts";
import type { FileChange } from "./git-read.ts";
import { rowAt } from "./review-place.ts";
import type { Pull, Repository, ReviewComment } from "./state.ts";

/**
 * What a push does to the inline comments of a pull request, whose head has moved already: they follow their lines, and are
 * outdated where a line of theirs was changed or stands in the difference no longer.
 */
export async function moveComments(
  repository: Repository,
  { pull, before }: { pull: Pull; before: string },
): Promise<void> {
  const standing = pull.comments.filter(({ line, outdated }) => line !== null && !outdated);
  if (standing.length === 0) return;
  const [pushed, shown] = await Promise.all([
    readChanges(repository.directory, before, pull.headSha),
    pullChanges(repository, pull),
  ]);
  for (const comment of standing) {
    const patch = shown.find(({ path }) => path === comment.path)?.patch ?? "";
    const change = pushed.find(({ path, previousPath }) => [path, previousPath].includes(comment.path));
    const line = follow(comment.line, comment.side, change);
    const startLine = follow(comment.startLine, comment.startSide, change);
    const isShown =
      line !== null &&
      rowAt(patch, line, comment.side) !== undefined &&
      (comment.startLine === null || (startLine !== null && rowAt(patch, startLine, comment.startSide)));
    if (isShown) Object.assign(comment, { line, startLine, commitSha: pull.headSha });
    else Object.assign(comment, { line: null, startLine: null, outdated: true });
  }
}

/** Where a line of the head is after a push; null: it was changed. Lines of the base stay where they are. */
function follow(
  line: number | null,
  side: ReviewComment["side"],
  change: FileChange | undefined,
): number | null {
  if (line === null || side === "LEFT" || change === undefined) return line;
  if (change.status === "removed" || change.patch === undefined) return null;
  let moved = line;
  for (const hunk of change.patch.split(/^(?=@@ )/m)) {
    const [, start = "0", length = "1"] = /^@@ -(\d+)(?:,(\d+))? /.exec(hunk) ?? [];
    const [from, count] = [Number(start), Number(length)];
    if (count > 0 && line < from) break;
    if (line >= from + count) {
      moved += added(hunk);
      continue;
    }
    return followInHunk(hunk, line);
  }
  return moved;
}

const added = (hunk: string): number =>
  hunk.split("\n").reduce((sum, row) => sum + (row.startsWith("+") ? 1 : row.startsWith("-") ? -1 : 0), 0);

function followInHunk(hunk: string, line: number): number | null {
  const [head = "", ...rows] = hunk.split("\n");
  const [, left = "1", right = "1"] = /^@@ -(\d+)(?:,\d+)? \+(\d+)/.exec(head) ?? [];
  let [old, now] = [Number(left) - 1, Number(right) - 1];
  for (const row of rows) {
    if (row.startsWith("\\")) continue;
    if (!row.startsWith("+")) old += 1;
    if (!row.startsWith("-")) now += 1;
    if (old === line && !row.startsWith("+")) return row.startsWith("-") ? null : now;
  }
  return null;
}
