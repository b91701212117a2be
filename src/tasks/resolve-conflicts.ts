import type { Deps } from "../deps.ts";
import { UserError } from "../errors.ts";
import { buildCommit } from "../github/build-commit.ts";
import { keepInMirror } from "../github/keep-in-mirror.ts";
import { repoSettingsPath } from "../github/settings-at-commit.ts";
import { readMirrorFile } from "../github/mirror-files.ts";
import { line, openQuarantine } from "../github/quarantine.ts";
import { writeCommit } from "../github/write-commit.ts";
import type { Rebased } from "../github/rebase-commits.ts";
import type { Attempt } from "./attempt.ts";
import { commitMessage } from "./commit-message.ts";
import { workOf, type WorkFacts } from "./make-receipt.ts";
import { readSettingsInForce } from "./settings-in-force.ts";
import { openWork } from "./open-work.ts";
import { takeTurn } from "./take-turn.ts";
import type { TaskEnd } from "./task-end.ts";
import { toUnfinishedEnd } from "./unfinished-end.ts";

export type Resolved =
  | {
      kind: "resolved";
      sha: string;
      quarantinePath: string;
      work: WorkFacts;
      /** By the agent: what its machine holds is this commit. */
      made: boolean;
    }
  | { kind: "unfinished"; end: TaskEnd };

type Conflict = Extract<Rebased, { kind: "conflict" }>;

/** The agent resolves what collided, on a commit that holds git's markers; the server makes one commit of it on the base. */
export async function resolveConflicts(
  deps: Deps,
  attempt: Attempt,
  input: {
    rebased: Conflict;
    mirrorPath: string;
    onto: { ref: string; sha: string };
    committer: { name: string; email: string };
  },
): Promise<Resolved> {
  const { claim, directory, timeoutMs, watch } = attempt;
  const { rebased, mirrorPath, onto } = input;
  await keepInMirror({
    ...{ mirrorPath, quarantinePath: rebased.quarantinePath, branch: "marked" },
    ...{ name: `rebase/${claim.session.id}`, signal: watch.signal },
  });
  const { run, checkpoint } = await takeTurn(deps, {
    ...attempt,
    start: { sha: rebased.markedSha, branchExists: true },
    openMirror: () => Promise.resolve({ path: mirrorPath, empty: false }),
    about: conflictPart({ paths: rebased.paths, onto: onto.ref }),
  });
  const work = workOf(run);
  if (run.outcome.kind !== "finished")
    return { kind: "unfinished", end: { ...toUnfinishedEnd(run, { task: claim.task, timeoutMs }), work } };
  if (watch.reason() === "cancelled") watch.signal.throwIfAborted();
  const bundlePath = checkpoint.changed ? await openWork(deps, { checkpoint, directory }) : null;
  if (bundlePath === null) throw unresolved(rebased.paths);
  const { task, session } = claim;
  const text = {
    author: input.committer,
    date: new Date(run.endedAt),
    message: commitMessage({
      title: rebased.titles.length === 1 ? (rebased.titles[0] ?? "") : `Rebase onto ${onto.ref}`,
      summary: [
        `Conflicts with ${onto.ref} resolved in:`,
        ...rebased.paths.map((path) => `- ${path}`),
        ...(rebased.titles.length === 1
          ? []
          : ["", "It holds:", ...rebased.titles.map((title) => `- ${title}`)]),
      ].join("\n"),
      taskId: task.id,
      sessionId: session.id,
      requester: { id: task.requesterId, login: task.requesterLogin },
      serverUrl: deps.config.github.serverUrl,
    }),
  };
  const { settings } = await readSettingsInForce(deps, { ...attempt, mirrorPath });
  const built = await buildCommit({
    ...{ mirrorPath, bundlePath, tempDir: directory, parentSha: rebased.markedSha, ...text },
    // A conflict in a protected file keeps its markers then, and is for a person to resolve.
    policy: { heldPaths: [repoSettingsPath, ...settings.protectedPaths] },
  });
  await assertResolved(built, rebased.paths);
  // What the agent got stands on the good commits with the markers in between; the branch gets it without those.
  const { path: quarantinePath, git } = await openQuarantine({
    ...{ mirrorPath: built.quarantinePath, tempDir: directory, parentSha: rebased.tipSha },
  });
  const tree = await line(git, ["rev-parse", `${built.commitSha}^{tree}`]);
  const sha = await writeCommit(git, { ...text, quarantinePath, tree, parentSha: rebased.tipSha });
  return { kind: "resolved", sha, quarantinePath, work, made: true };
}

function conflictPart({ paths, onto }: { paths: readonly string[]; onto: string }): string {
  return [
    `The branch is being rebased onto ${onto}, and these files collide. Each holds git's conflict markers: what ${onto} has comes first, what this branch did comes second.`,
    "",
    ...paths.map((path) => `- ${path}`),
    "",
    "Resolve each of them so that both intentions live on, remove all markers, and run the tests that concern them. Change nothing else.",
  ].join("\n");
}

const marker = /^(?:<{7}|>{7}) /m;

async function assertResolved(
  built: { quarantinePath: string; commitSha: string },
  paths: readonly string[],
): Promise<void> {
  const left: string[] = [];
  for (const path of paths) {
    const text = await readMirrorFile({
      ...{ mirrorPath: built.quarantinePath, sha: built.commitSha, path, maxBytes: 16 * 2 ** 20 },
    });
    if (text !== null && marker.test(text)) left.push(path);
  }
  if (left.length > 0) throw unresolved(left);
}

const unresolved = (paths: readonly string[]) =>
  new UserError(
    "conflicts-left",
    `Claude left conflicts unresolved in ${paths
      .slice(0, 5)
      .map((path) => `\`${path.replaceAll("`", "")}\``)
      .join(", ")}, so nothing was pushed.`,
    "Write `/claude rebase` again, or resolve them by hand.",
  );
