import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Octokit } from "@octokit/rest";
import type { Deps } from "../deps.ts";
import { UserError } from "../errors.ts";
import type { PullRequest } from "../github/pull-request.ts";
import { buildCommit, type BuiltCommit } from "../github/build-commit.ts";
import { readBranchSha } from "../github/read-branch.ts";
import type { RepositoryRef } from "../github/thread.ts";
import { mayWrite, readRole } from "../github/thread.ts";
import { takeBundle } from "../sandbox/git-out.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import { readPullRequestTemplate } from "../github/read-pull-request-template.ts";
import { renderPullRequest } from "../github/pull-request-text.ts";
import { openPull, type PullText } from "./open-pull.ts";
import { pushWork } from "./push-work.ts";
import type { TurnResult } from "./turn-result.ts";
import { commitMessage } from "./commit-message.ts";
import type { Claim } from "./claim-store.ts";

export type PublishDeps = Pick<Deps, "db" | "system" | "config" | "github" | "log">;

/** More than this is no patch of one issue; the mirror and GitHub would suffer. */
const maxBundleBytes = 256 * 1024 * 1024;

export type PublishInput = {
  claim: Claim;
  reader: Octokit;
  sandbox: Sandbox;
  mirrorPath: string;
  /** What the agent started from: parent of the commit, and where the branch must still stand. */
  parentSha: string;
  /** The branch exists on GitHub at parentSha; false: it must not exist yet. */
  branchExists: boolean;
  repository: RepositoryRef;
  remoteUrl: string;
  result: TurnResult;
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
  const { claim } = input;
  const directory = join(deps.config.dataDir, "tmp", `publish-${claim.task.id}-${claim.fence}`);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  try {
    const bundle = await takeBundle(input.sandbox, {
      baseSha: input.parentSha,
      maxBytes: maxBundleBytes,
      hostPath: join(directory, "work.bundle"),
    });
    if (bundle.kind === "unchanged") return { kind: "unchanged" };
    const identity = await deps.github.identity(input.reader);
    const describe = await pullRequestDescriber(input);
    const { title } = describe([]);
    const commit = await buildCommit({
      mirrorPath: input.mirrorPath,
      bundlePath: bundle.path,
      tempDir: directory,
      parentSha: input.parentSha,
      author: { name: identity.botLogin, email: identity.commitEmail },
      date: input.at,
      message: commitMessage({
        title,
        summary: input.result.sections.summary,
        taskId: claim.task.id,
        sessionId: claim.session.id,
        requester: { id: claim.task.requesterId, login: claim.task.requesterLogin },
        serverUrl: deps.config.github.serverUrl,
      }),
    });
    if (commit.unchanged)
      return commit.leftOut.length > 0 ? { kind: "left-out", commit } : { kind: "unchanged" };
    return await pushAndOpen(deps, input, { commit, text: describe(commit.leftOut) });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Title and body of the pull request, given the files that the policy left out. */
async function pullRequestDescriber(
  input: PublishInput,
): Promise<(leftOut: BuiltCommit["leftOut"]) => PullText> {
  const { task } = input.claim;
  const template = await readPullRequestTemplate({
    mirrorPath: input.mirrorPath,
    sha: task.context.base.sha,
  });
  return (leftOut) =>
    renderPullRequest({
      template,
      title: input.result.title,
      sections: input.result.sections,
      issueNumber: task.issueNumber,
      issueTitle: task.context.issue.title,
      requester: task.requesterLogin,
      sessionUrl: null,
      taskId: task.id,
      leftOut,
    });
}

type Work = { commit: BuiltCommit; text: PullText };

async function pushAndOpen(deps: PublishDeps, input: PublishInput, work: Work): Promise<Published> {
  const { task } = input.claim;
  const { commit, text } = work;
  const writer = await deps.github.openRepository({
    installationId: task.installationId,
    repositoryId: task.repositoryId,
    permissions: { contents: "write", pull_requests: "write" },
  });
  try {
    await assertStillAllowed(writer.octokit, input);
    const { branch } = await pushWork(deps, input, { commit, octokit: writer.octokit, token: writer.token });
    const remoteSha = await readBranchSha(writer.octokit, input.repository, branch);
    if (remoteSha === null) {
      throw new UserError(
        "branch-vanished",
        `The branch \`${branch}\` was deleted right after the push.`,
        "Write the command again to have it pushed anew.",
      );
    }
    const pull =
      task.options.noPullRequest === true
        ? null
        : await openPull(deps, input, { octokit: writer.octokit, branch, text });
    return { kind: "published", title: text.title, commit, branch, pull, remoteSha };
  } finally {
    await writer.revoke();
  }
}

/** A permission can be taken away while the agent works. */
async function assertStillAllowed(octokit: Octokit, input: PublishInput): Promise<void> {
  const { requesterId, requesterLogin } = input.claim.task;
  const role = await readRole(octokit, {
    repository: input.repository,
    user: { id: requesterId, login: requesterLogin },
  });
  if (mayWrite(role)) return;
  throw new UserError(
    "permission-revoked",
    `${requesterLogin} no longer has write access to the repository, so nothing was pushed.`,
    "Somebody with write access can repeat the command; the work is kept in the sandbox.",
  );
}
