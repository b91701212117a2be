import type { Octokit } from "@octokit/rest";
import type { Deps } from "../deps.ts";
import { toError, UserError } from "../errors.ts";
import type { RepositoryClient } from "../github/octokit.ts";
import { keepInMirror } from "../github/keep-in-mirror.ts";
import type { PullRequest } from "../github/pull-request.ts";
import { renderTitle } from "../github/pull-request-text.ts";
import { buildCommit, type BuiltCommit } from "../github/build-commit.ts";
import { readBranchSha } from "../github/read-branch.ts";
import { remoteUrlOf } from "../github/remote-url.ts";
import { repoSettingsPath } from "../github/settings-at-commit.ts";
import type { ServerCheck } from "../github/server-check.ts";
import type { RepositoryRef } from "../github/thread.ts";
import type { TakenCheckpoint } from "../sessions/take-checkpoint.ts";
import { both } from "./both.ts";
import { describePull, readTemplate, titleOf } from "./describe-pull.ts";
import { openPull, type PullText } from "./open-pull.ts";
import { openWork } from "./open-work.ts";
import { openWriter } from "./open-writer.ts";
import { pushWork } from "./push-work.ts";
import type { TaskWatch } from "./task-watch.ts";
import type { TurnResult } from "./turn-result.ts";
import { commitMessage } from "./commit-message.ts";
import { approvesHeld } from "./approves-held.ts";
import type { Settings } from "../github/settings-values.ts";
import type { Claim } from "./claim-store.ts";

export type PublishDeps = Pick<Deps, "db" | "system" | "config" | "github" | "log" | "checkpoints" | "clock">;

export type PublishInput = {
  claim: Claim;
  reader: Octokit;
  /** What the turn left behind. */
  checkpoint: TakenCheckpoint;
  /** A folder of the bot for this attempt; whoever gives it removes it. */
  directory: string;
  mirrorPath: string;
  /** What the agent started from: parent of the commit, and where the branch must still stand. */
  parentSha: string;
  /** The branch exists on GitHub at parentSha; false: it must not exist yet. */
  branchExists: boolean;
  repository: RepositoryRef;
  remoteUrl: string;
  watch: Pick<TaskWatch, "throwIfStopped">;
  result: TurnResult;
  /** What the server ran after the turn. */
  checks: readonly ServerCheck[];
  /** Of the repository; null: none are to be had. */
  settings: Pick<Settings, "protectedPaths" | "pullRequest"> | null;
  /** When the agent's turn ended; makes a repeated commit the very same one. */
  at: Date;
};

export type Published =
  | { kind: "unchanged" }
  | { kind: "left-out"; commit: BuiltCommit }
  | {
      kind: "published";
      title: string;
      commit: BuiltCommit;
      branch: string;
      pull: PullRequest | null;
      remoteSha: string;
    };

/**
 * Takes the agent's work out of the sandbox and puts it on the branch and into the draft pull request. The
 * write token lives only in here, and only for a person who may still write.
 */
export async function publish(deps: PublishDeps, input: PublishInput): Promise<Published> {
  if (!input.checkpoint.changed) return { kind: "unchanged" };
  const bundlePath = await openWork(deps, input);
  // The token and the question whether it may be used take as long as the commit; neither needs the other.
  const opening = openWriter(deps, input);
  // A refusal that comes before the commit is made must not pass for one that nobody looks at: node would end the worker.
  void Promise.allSettled([opening]);
  const built = await build(deps, input, bundlePath).catch(async (error: unknown) => {
    await closeWriter(opening);
    throw error;
  });
  if (built.commit.unchanged) {
    await closeWriter(opening);
    return built.commit.leftOut.length > 0
      ? { kind: "left-out", commit: built.commit }
      : { kind: "unchanged" };
  }
  return pushAndOpen(deps, input, { ...built, writer: await opening });
}

type Built = { commit: BuiltCommit; text: PullText };

/** The server's own commit of the agent's tree, and what the pull request will say. */
async function build(deps: PublishDeps, input: PublishInput, bundlePath: string): Promise<Built> {
  const [commit, template] = await both(buildOf(deps, input, bundlePath), readTemplate(input));
  return { commit, text: describePull(input, { template, commit }) };
}

async function buildOf(deps: PublishDeps, input: PublishInput, bundlePath: string): Promise<BuiltCommit> {
  const { claim, result, settings } = input;
  const identity = await deps.github.identity(input.reader);
  return buildCommit({
    mirrorPath: input.mirrorPath,
    bundlePath,
    tempDir: input.directory,
    parentSha: input.parentSha,
    author: { name: identity.botLogin, email: identity.commitEmail },
    date: input.at,
    // Whoever may change the settings could lift every other protection.
    policy: {
      heldPaths: approvesHeld(claim.task.answer)
        ? []
        : [repoSettingsPath, ...(settings?.protectedPaths ?? [])],
    },
    message: commitMessage({
      title: renderTitle(titleOf(input)),
      summary: result.sections.summary,
      taskId: claim.task.id,
      sessionId: claim.session.id,
      requester: { id: claim.task.requesterId, login: claim.task.requesterLogin },
      serverUrl: deps.config.github.serverUrl,
    }),
  });
}

/** Revokes a writer that is not needed; one that never opened needs nothing. */
async function closeWriter(opening: Promise<RepositoryClient>): Promise<void> {
  const [opened] = await Promise.allSettled([opening]);
  if (opened.status === "fulfilled") await opened.value.revoke();
}

async function pushAndOpen(
  deps: PublishDeps,
  before: PublishInput,
  { commit, text, writer }: Built & { writer: RepositoryClient },
): Promise<Published> {
  const { octokit, token, owner, name } = writer;
  // It may have been renamed or transferred during the turn, and git follows no redirect.
  const remoteUrl = remoteUrlOf(deps.config.github.serverUrl, writer);
  const input = { ...before, repository: { owner, name }, remoteUrl };
  try {
    input.watch.throwIfStopped();
    const { branch } = await pushWork(deps, input, { commit, octokit, token });
    input.watch.throwIfStopped();
    const [remoteSha, pull] = await Promise.all([
      readBranchSha(octokit, input.repository, branch),
      pullOf(deps, input, { octokit, branch, text }),
      keepPushed(deps, input, commit),
    ]);
    if (remoteSha === null) {
      throw new UserError(
        "branch-vanished",
        `The branch \`${branch}\` was deleted right after the push.`,
        "Write the command again to have it pushed anew.",
      );
    }
    return { kind: "published", title: text.title, commit, branch, pull, remoteSha };
  } finally {
    await writer.revoke();
  }
}

/** The next turn then finds our own commit in the mirror and need not fetch it back from GitHub. */
async function keepPushed(deps: PublishDeps, input: PublishInput, commit: BuiltCommit): Promise<void> {
  const { quarantinePath } = commit;
  const name = `pushed/${input.claim.session.id}`;
  try {
    await keepInMirror({ mirrorPath: input.mirrorPath, quarantinePath, branch: "commit", name });
  } catch (error) {
    deps.log.warn({ err: toError(error) }, "a pushed commit was not kept in the mirror; it will be fetched");
  }
}

async function pullOf(
  deps: PublishDeps,
  input: PublishInput,
  pull: Parameters<typeof openPull>[2],
): Promise<PullRequest | null> {
  const { task, session } = input.claim;
  const { pull: persons } = task.context;
  if (session.writes === "pull-head" && persons !== null)
    return { number: persons.number, url: persons.url, draft: persons.draft };
  return task.options.noPullRequest === true ? null : openPull(deps, input, pull);
}
