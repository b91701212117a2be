import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Octokit } from "@octokit/rest";
import { withAccount } from "../../db/client.ts";
import type { Deps } from "../deps.ts";
import { UserError } from "../errors.ts";
import { openPullRequest, type PullRequest } from "../github/pull-request.ts";
import { buildCommit, type BuiltCommit } from "../github/build-commit.ts";
import { pushBranch } from "../github/push-branch.ts";
import { readBranchSha } from "../github/read-branch.ts";
import type { RepositoryRef } from "../github/thread.ts";
import { mayWrite, readRole } from "../github/thread.ts";
import { takeBundle } from "../sandbox/git-out.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import { updateSession } from "../sessions/session-store.ts";
import { readPullRequestTemplate } from "../github/read-pull-request-template.ts";
import { renderPullRequest } from "../github/pull-request-text.ts";
import { branchName } from "../github/branch-name.ts";
import type { TurnResult } from "./turn-result.ts";
import { commitMessage } from "./commit-message.ts";
import { holderOf, runStep } from "./steps.ts";
import type { Claim } from "./task-store.ts";

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

type PullText = { title: string; body: string };

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
    const { branch } = await pushOnce(deps, input, { commit, octokit: writer.octokit, token: writer.token });
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
        : await openOnce(deps, input, { octokit: writer.octokit, branch, text });
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

/** Somebody else's branch of our name is left alone; we take the next name, a few times. */
const maxNames = 5;

async function pushOnce(
  deps: PublishDeps,
  input: PublishInput,
  push: { commit: BuiltCommit; octokit: Octokit; token: string },
): Promise<{ branch: string }> {
  const { claim } = input;
  const { commitSha } = push.commit;
  const stands = async (branch: string) =>
    (await readBranchSha(push.octokit, input.repository, branch)) === commitSha;
  const pushed = await runStep(deps, holderOf(claim), {
    name: `push:${commitSha}`,
    find: async () => ((await stands(claim.session.branch)) ? { branch: claim.session.branch } : null),
    act: async () => {
      for (let name = 1; ; name++) {
        const branch = name === 1 ? claim.session.branch : nextBranch(claim, name);
        if (name > 1) await keepBranch(deps, claim, { branch });
        const outcome = await pushBranch({
          quarantinePath: push.commit.quarantinePath,
          remoteUrl: input.remoteUrl,
          token: push.token,
          branch,
          commitSha,
          expectedSha: input.branchExists ? input.parentSha : null,
        });
        if (outcome.pushed || (await stands(branch))) return { branch };
        const taken = outcome.reason === "stale" && !input.branchExists && name < maxNames;
        if (!taken) throw pushRefused(outcome.reason, branch, outcome.detail);
      }
    },
  });
  await keepBranch(deps, claim, { branch: pushed.branch, headSha: commitSha });
  return pushed;
}

function nextBranch(claim: Claim, suffix: number): string {
  const { number: issueNumber, title } = claim.task.context.issue;
  return branchName({ issueNumber, title, suffix });
}

async function keepBranch(
  deps: PublishDeps,
  claim: Claim,
  set: { branch: string; headSha?: string },
): Promise<void> {
  await withAccount(deps.db, claim.task.accountId, (tx) =>
    updateSession(tx, { sessionId: claim.session.id, taskId: claim.task.id, fence: claim.fence, set }),
  );
}

function pushRefused(reason: string, branch: string, detail: string): UserError {
  if (reason === "stale") {
    return new UserError(
      "branch-moved",
      `Somebody pushed to \`${branch}\` while this task was running, so the work was not pushed over theirs.`,
      "Write the command again: it starts from the branch as it is now.",
    );
  }
  return new UserError(
    `push-${reason}`,
    `GitHub refused the push to \`${branch}\` (${reason}).`,
    "Check the repository's rules for branches that start with `claude/`, then repeat the command.",
    { cause: new Error(detail) },
  );
}

async function openOnce(
  deps: PublishDeps,
  input: PublishInput,
  pull: { octokit: Octokit; branch: string; text: PullText },
): Promise<PullRequest> {
  const { claim } = input;
  const { task } = claim;
  const open = (lookOnly: boolean) =>
    openPullRequest(deps, pull.octokit, {
      installationId: task.installationId,
      repository: input.repository,
      branch: pull.branch,
      baseRef: task.context.base.ref,
      draft: task.options.draft !== false,
      text: pull.text,
      lookOnly,
    });
  const opened = await runStep(deps, holderOf(claim), {
    name: "pull-request",
    find: () => open(true),
    act: async () => {
      const made = await open(false);
      if (made === null) throw new Error("the pull request was neither found nor made");
      return made;
    },
  });
  await withAccount(deps.db, claim.task.accountId, (tx) =>
    updateSession(tx, {
      sessionId: claim.session.id,
      taskId: claim.task.id,
      fence: claim.fence,
      set: { pullNumber: opened.number },
    }),
  );
  return opened;
}
