import type { Deps } from "../deps.ts";
import type { PublicMarkdown } from "../github/inline-text.ts";
import type { ServerCheck } from "../github/server-check.ts";
import type { AgentRun } from "../sessions/run-agent.ts";
import { workOf } from "./make-receipt.ts";
import type { Published } from "./publish.ts";
import { endOf, type TaskEnd } from "./task-end.ts";
import type { Task } from "./task-store.ts";
import type { TurnResult } from "./turn-result.ts";

export type DescribeWorkInput = {
  run: Pick<AgentRun, "commands">;
  /** What the server ran after the turn. */
  checks: readonly ServerCheck[];
  published: Published;
  /** What an earlier leg of the task has published; null: nothing. */
  before: TaskEnd | null;
  task: Pick<Task, "context">;
  /** What became of the review, for the status comment. */
  line: PublicMarkdown | null;
  turn: Pick<TurnResult, "text">;
};

/** How a task ends whose work has been published, or had nothing to publish. */
export function describeWork(deps: Pick<Deps, "redact">, input: DescribeWorkInput): TaskEnd {
  const { run, checks, published, before, line } = input;
  const ran = workOf(run, checks);
  const text = withLine(line, input.turn.text);
  if (published.kind === "unchanged") {
    if (before?.outcome.kind === "published")
      return {
        ...before,
        outcome: { ...before.outcome, text },
        work: { ...before.work, commands: ran.commands, droppedCommands: ran.droppedCommands },
      };
    // "Nothing to change, so there is no pull request" would be wrong under a review.
    const kind = input.task.context.review !== null && text !== null ? "answered" : "no-changes";
    return { ...endOf.completed({ kind, text }), work: ran };
  }
  const { commit } = published;
  const leftOut = {
    files: commit.leftOut,
    patch: commit.leftOutPatch === null ? null : deps.redact(commit.leftOutPatch),
  };
  if (published.kind === "left-out")
    return { ...endOf.completed({ kind: "left-out", text, leftOut }), work: ran };
  const { title, branch, remoteSha: sha, pull } = published;
  return {
    ...endOf.completed({ kind: "published", title, branch, sha, pull, text, leftOut }),
    work: {
      ...ran,
      remoteSha: sha,
      branch,
      pullNumber: pull?.number ?? null,
      // git counts no lines in a binary file.
      files: commit.files.map(({ path, additions, deletions }) => ({
        path,
        additions: additions ?? 0,
        deletions: deletions ?? 0,
      })),
    },
  };
}

function withLine(line: PublicMarkdown | null, text: PublicMarkdown | null): PublicMarkdown | null {
  return line === null || text === null ? (line ?? text) : (`${line}\n\n${text}` as PublicMarkdown);
}
