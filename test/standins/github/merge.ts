import { accountOf, pullIssueOf } from "./call.ts";
import type { Answer, RepositoryCall } from "./call.ts";
import { emitThread } from "./emit.ts";
import { pullOf } from "./facts-pulls.ts";
import { headLabel } from "./forks.ts";
import { git, mergesCleanly, revision, setRef } from "./git.ts";
import { HttpError, invalid } from "./http-error.ts";
import { setState } from "./issue-state.ts";
import { text } from "./json.ts";
import { movingRefs } from "./refs.ts";
import type { Account, Issue, Pull, Repository } from "./state.ts";
import { issueByNumber, must } from "./world.ts";
import type { World } from "./world.ts";

/** Merges a pull request with a merge commit made by git. */
export async function mergePull(world: World, call: RepositoryCall): Promise<Answer> {
  const { repository, body } = call;
  const issue = pullIssueOf(call);
  const pull = pullOf(issue);
  const sender = accountOf(call.actor);
  if ((text(body["merge_method"]) ?? "merge") !== "merge") {
    throw invalid("PullRequest", {
      field: "merge_method",
      message: "The stand-in merges with merge commits only.",
    });
  }
  const expected = text(body["sha"]);
  if (expected !== undefined && expected !== pull.headSha) {
    throw new HttpError(409, "Head branch was modified. Review and try the merge again.");
  }
  if (pull.draft || issue.state !== "open") throw new HttpError(405, "Pull Request is not mergeable");
  const work = async (): Promise<string> => {
    const base = must(
      await revision(repository.directory, `refs/heads/${pull.baseRef}`),
      `branch ${pull.baseRef}`,
    );
    if (!(await mergesCleanly(repository.directory, base, pull.headSha))) {
      throw new HttpError(405, "Pull Request is not mergeable");
    }
    const sha = await mergeCommit(world, { directory: repository.directory, base, issue, pull, sender });
    Object.assign(pull, { mergeSha: sha, mergedBy: sender.id });
    setState(world, { issue, state: "closed", byId: sender.id });
    pull.mergedAt = issue.closedAt;
    await setRef(repository.directory, `refs/heads/${pull.baseRef}`, sha, base);
    return sha;
  };
  const { result: sha } = await movingRefs(world, { repository, sender, work });
  await emitThread(world, { repository, issue, action: "closed", sender });
  if (pull.baseRef === repository.defaultBranch) await closeMentioned(world, { repository, issue, sender });
  return { status: 200, facts: { sha, merged: true, message: "Pull Request successfully merged" } };
}

// GitHub's closing keywords, before a number of the same repository.
const closingKeyword = /\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?):?\s+#(\d+)\b/gi;

async function closeMentioned(
  world: World,
  input: { repository: Repository; issue: Issue; sender: Account },
): Promise<void> {
  const { repository, sender } = input;
  for (const [, number] of (input.issue.body ?? "").matchAll(closingKeyword)) {
    const issue = issueByNumber(repository, Number(number));
    if (issue?.state !== "open" || issue.pull !== null) continue;
    setState(world, { issue, state: "closed", byId: sender.id });
    await emitThread(world, { repository, issue, action: "closed", sender });
  }
}

async function mergeCommit(
  world: World,
  input: { directory: string; base: string; issue: Issue; pull: Pull; sender: Account },
): Promise<string> {
  const { directory, base, issue, pull, sender } = input;
  const tree = (await git(directory, ["merge-tree", "--write-tree", base, pull.headSha])).toString().trim();
  const seconds = Math.floor(world.now().getTime() / 1000);
  const email = `${sender.id}+${sender.login}@users.noreply.github.com`;
  const env = {
    GIT_AUTHOR_NAME: sender.login,
    GIT_AUTHOR_EMAIL: email,
    GIT_AUTHOR_DATE: `${seconds} +0000`,
    GIT_COMMITTER_NAME: "GitHub",
    GIT_COMMITTER_EMAIL: "noreply@github.com",
    GIT_COMMITTER_DATE: `${seconds} +0000`,
  };
  const argv = ["commit-tree", tree, "-p", base, "-p", pull.headSha];
  const from = headLabel(world, pull).replace(":", "/");
  const message = `Merge pull request #${issue.number} from ${from}\n\n${issue.title}\n`;
  return (await git(directory, argv, { input: message, env })).toString().trim();
}
