import { accountFactsById, nodeId, viaFacts } from "./facts.ts";
import { repositoryFacts } from "./facts-repository.ts";
import { issueWebUrl, rollup, threadFacts, writtenFacts } from "./facts-issues.ts";
import { headRepositoryOf } from "./forks.ts";
import { mergeBase } from "./git.ts";
import { readChanges, readCommits } from "./git-read.ts";
import type { FileChange } from "./git-read.ts";
import type { Json, JsonObject } from "./json.ts";
import { mergeableFacts } from "./mergeability.ts";
import { associationOf } from "./roles.ts";
import type { Issue, Pull, Repository, Review, ReviewComment } from "./state.ts";
import { accountById, fullName, must } from "./world.ts";
import type { World } from "./world.ts";

/** The pull request's side of an issue, which must be one. */
export function pullOf(issue: Issue): Pull {
  return must(issue.pull, `pull request ${issue.number}`);
}

/** Everything about a pull request; sizes are read from git, whether it merges only where git was asked before. */
export async function pullFacts(world: World, repository: Repository, issue: Issue): Promise<JsonObject> {
  const pull = pullOf(issue);
  const [changes, commits, mergeable] = await Promise.all([
    pullChanges(repository, pull),
    pullCommits(repository, pull),
    mergeableFacts(repository, { ...issue, pull }),
  ]);
  return {
    ...pullSummary(world, repository, issue),
    merged: pull.mergedAt !== null,
    ...mergeable,
    merged_by: accountFactsById(world, pull.mergedBy),
    comments: issue.comments.length,
    review_comments: pull.comments.length,
    maintainer_can_modify: pull.maintainerCanModify,
    commits: commits.length,
    additions: sum(changes, "additions"),
    deletions: sum(changes, "deletions"),
    changed_files: changes.length,
  };
}

/** A pull request as lists show it. */
export function pullSummary(world: World, repository: Repository, issue: Issue): JsonObject {
  const pull = pullOf(issue);
  const api = `${world.apiUrl}/repos/${fullName(world, repository)}`;
  const url = `${api}/pulls/${issue.number}`;
  const web = issueWebUrl(world, repository, issue);
  const links = {
    self: url,
    html: web,
    issue: `${api}/issues/${issue.number}`,
    comments: `${api}/issues/${issue.number}/comments`,
    review_comments: `${url}/comments`,
    review_comment: `${api}/pulls/comments{/number}`,
    commits: `${url}/commits`,
    statuses: `${api}/statuses/${pull.headSha}`,
  };
  return {
    url,
    id: pull.id,
    node_id: nodeId("PR", pull.id),
    html_url: web,
    diff_url: `${web}.diff`,
    patch_url: `${web}.patch`,
    issue_url: links.issue,
    commits_url: links.commits,
    review_comments_url: links.review_comments,
    review_comment_url: links.review_comment,
    comments_url: links.comments,
    statuses_url: links.statuses,
    ...threadFacts(world, repository, issue),
    merged_at: pull.mergedAt,
    merge_commit_sha: pull.mergeSha,
    requested_reviewers: [...pull.reviewerIds].map((id) => accountFactsById(world, id)),
    requested_teams: [...pull.reviewerTeams].map((slug) => teamFacts(world, repository, slug)),
    head: sideFacts(world, {
      ref: pull.headRef,
      sha: pull.headSha,
      ownerId: pull.headOwnerId,
      repository: headRepositoryOf(world, pull),
    }),
    base: sideFacts(world, {
      ref: pull.baseRef,
      sha: pull.baseSha,
      ownerId: repository.ownerId,
      repository,
    }),
    _links: Object.fromEntries(Object.entries(links).map(([name, href]) => [name, { href }])),
    auto_merge: null,
    draft: pull.draft,
  };
}

/** A team of the repository's owner. */
export function teamFacts(world: World, repository: Repository, slug: string): JsonObject {
  const { login } = accountById(world, repository.ownerId);
  const url = `${world.apiUrl}/orgs/${login}/teams/${slug}`;
  return {
    id: must(repository.teams.get(slug), `team ${slug}`),
    ...{ name: slug, slug, url, html_url: `${world.url}/orgs/${login}/teams/${slug}` },
    ...{ repositories_url: `${url}/repos`, members_url: `${url}/members{/member}`, permission: "push" },
    ...{ privacy: "closed", notification_setting: "notifications_enabled", parent: null },
  };
}

function sideFacts(
  world: World,
  side: { ref: string; sha: string; ownerId: number; repository: Repository | undefined },
): JsonObject {
  const owner = accountById(world, side.repository?.ownerId ?? side.ownerId);
  return {
    label: `${owner.login}:${side.ref}`,
    ref: side.ref,
    sha: side.sha,
    user: accountFactsById(world, owner.id),
    repo: side.repository === undefined ? null : repositoryFacts(world, side.repository),
  };
}

function sum(changes: readonly FileChange[], key: "additions" | "deletions"): number {
  return changes.reduce((total, change) => total + change[key], 0);
}

/** The files a pull request changes, against the point where it left its base. */
export async function pullChanges(repository: Repository, pull: Pull): Promise<FileChange[]> {
  return await readChanges(repository.directory, await forkPoint(repository, pull), pull.headSha);
}

/** Where the head left the base. */
export async function forkPoint(repository: Repository, pull: Pull): Promise<string> {
  return (await mergeBase(repository.directory, pull.baseSha, pull.headSha)) ?? pull.baseSha;
}

/** The commits of a pull request, oldest first. */
export async function pullCommits(repository: Repository, pull: Pull): ReturnType<typeof readCommits> {
  return await readCommits(repository.directory, ["--reverse", `${pull.baseSha}..${pull.headSha}`]);
}

export function reviewFacts(world: World, repository: Repository, issue: Issue, review: Review): JsonObject {
  const url = `${world.apiUrl}/repos/${fullName(world, repository)}/pulls/${issue.number}`;
  const web = `${issueWebUrl(world, repository, issue)}#pullrequestreview-${review.id}`;
  return {
    id: review.id,
    node_id: nodeId("PRR", review.id),
    user: accountFactsById(world, review.author.userId),
    body: review.body,
    state: review.state,
    html_url: web,
    pull_request_url: url,
    _links: { html: { href: web }, pull_request: { href: url } },
    submitted_at: review.submittedAt,
    updated_at: review.submittedAt,
    commit_id: review.commitSha,
    author_association: associationOf(world, repository, review.author),
    performed_via_github_app: viaFacts(world, review.author.appId),
  };
}

export function reviewCommentFacts(
  world: World,
  repository: Repository,
  issue: Issue,
  comment: ReviewComment,
): JsonObject {
  const api = `${world.apiUrl}/repos/${fullName(world, repository)}/pulls`;
  const url = `${api}/comments/${comment.id}`;
  const web = `${issueWebUrl(world, repository, issue)}#discussion_r${comment.id}`;
  return {
    url,
    pull_request_review_id: comment.reviewId,
    id: comment.id,
    node_id: nodeId("PRRC", comment.id),
    diff_hunk: comment.diffHunk,
    path: comment.path,
    ...positionFacts(comment),
    commit_id: comment.commitSha,
    original_commit_id: comment.originalCommitSha,
    in_reply_to_id: comment.inReplyTo ?? undefined,
    ...writtenFacts(world, repository, comment),
    html_url: web,
    pull_request_url: `${api}/${issue.number}`,
    _links: { self: { href: url }, html: { href: web }, pull_request: { href: `${api}/${issue.number}` } },
    reactions: rollup(`${url}/reactions`, comment.reactions),
    performed_via_github_app: viaFacts(world, comment.author.appId),
  };
}

function positionFacts(comment: ReviewComment): JsonObject {
  return {
    position: comment.line,
    original_position: comment.originalLine,
    // Of an outdated comment GitHub says null; a file's has none.
    line: comment.outdated ? null : (comment.line ?? undefined),
    original_line: comment.originalLine ?? undefined,
    start_line: comment.startLine,
    original_start_line: comment.originalStartLine,
    side: comment.side,
    start_side: comment.originalStartLine === null ? null : comment.startSide,
    subject_type: comment.originalLine === null ? "file" : "line",
  };
}

/** A changed file as `pulls/list-files` shows it. */
export function fileFacts(world: World, repository: Repository, sha: string, change: FileChange): Json {
  const name = fullName(world, repository);
  const path = change.path.split("/").map(encodeURIComponent).join("/");
  return {
    sha: change.blob,
    filename: change.path,
    status: change.status,
    additions: change.additions,
    deletions: change.deletions,
    changes: change.additions + change.deletions,
    blob_url: `${world.url}/${name}/blob/${sha}/${path}`,
    raw_url: `${world.url}/${name}/raw/${sha}/${path}`,
    contents_url: `${world.apiUrl}/repos/${name}/contents/${path}?ref=${sha}`,
    patch: change.patch,
    previous_filename: change.previousPath,
  };
}
