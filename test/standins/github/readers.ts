import { forkPoint } from "./facts-pulls.ts";
import { issueWebUrl } from "./facts-issues.ts";
import { listRefs, showFile } from "./git.ts";
import { readChanges, readCommits, readDiff } from "./git-read.ts";
import type { Commit } from "./git-read.ts";
import type { CheckRun, Comment, Issue, Reaction, Repository } from "./state.ts";
import { accountById, issueByNumber, must, repositoryNamed } from "./world.ts";
import type { World } from "./world.ts";

export type ReactionView = { user: string; content: string };
export type CommentView = {
  id: number;
  author: string;
  body: string;
  createdAt: string;
  updatedAt: string;
  reactions: ReactionView[];
};
export type IssueView = {
  id: number;
  number: number;
  url: string;
  author: string;
  title: string;
  body: string | null;
  state: "open" | "closed";
  locked: boolean;
  labels: string[];
  assignees: string[];
  reactions: ReactionView[];
};
export type PullView = IssueView & {
  draft: boolean;
  merged: boolean;
  head: string;
  headSha: string;
  base: string;
  files: { path: string; additions: number; deletions: number; status: string }[];
  requestedReviewers: string[];
  reviews: { id: number; author: string; state: string; body: string }[];
  reviewComments: (CommentView & { path: string; line: number | null; inReplyTo: number | null })[];
};

/** What tests and the demo may look at without asking over HTTP. `repo` is `owner/name`. */
export type Readers = {
  issue(repo: string, number: number): IssueView;
  issues(repo: string): IssueView[];
  comments(repo: string, number: number): CommentView[];
  /** Of the issue itself, or of one of its comments. */
  reactions(repo: string, number: number, commentId?: number): ReactionView[];
  pullRequests(repo: string): Promise<PullView[]>;
  checkRuns(repo: string): CheckRun[];
  /** The text of a file at a ref; undefined when it is not there. */
  show(repo: string, ref: string, path: string): Promise<string | undefined>;
  diff(repo: string, base: string, head: string): Promise<string>;
  /** Newest first. */
  commits(repo: string, ref: string): Promise<Commit[]>;
  /** Branch names with the commit each stands at. */
  branches(repo: string): Promise<Record<string, string>>;
  /** The bare repository on disk. */
  directory(repo: string): string;
};

/** Opens the view on the world's state. */
export function openReaders(world: World): Readers {
  const at = (repo: string): Repository => repositoryNamed(world, repo);
  const threadOf = (repo: string, number: number): Issue =>
    must(issueByNumber(at(repo), number), `issue ${number} in ${repo}`);
  return {
    issue: (repo, number) => issueView(world, at(repo), threadOf(repo, number)),
    issues: (repo) =>
      [...at(repo).issues.values()]
        .filter(({ deleted, pull }) => !deleted && pull === null)
        .map((issue) => issueView(world, at(repo), issue)),
    comments: (repo, number) => threadOf(repo, number).comments.map((comment) => commentView(world, comment)),
    reactions: (repo, number, commentId) => {
      const issue = threadOf(repo, number);
      const comment = issue.comments.find(({ id }) => id === commentId);
      const subject =
        commentId === undefined ? issue : must(comment, `comment ${commentId} in ${repo}#${number}`);
      return reactionViews(world, subject.reactions);
    },
    pullRequests: async (repo) => {
      const pulls = [...at(repo).issues.values()].filter(({ pull }) => pull !== null);
      return await Promise.all(pulls.map((issue) => pullView(world, at(repo), issue)));
    },
    checkRuns: (repo) => [...at(repo).checkRuns],
    show: async (repo, ref, path) => (await showFile(at(repo).directory, ref, path))?.toString(),
    diff: (repo, base, head) => readDiff(at(repo).directory, base, head),
    commits: (repo, ref) => readCommits(at(repo).directory, [ref]),
    branches: async (repo) => {
      const heads = await listRefs(at(repo).directory, "refs/heads");
      return Object.fromEntries([...heads].map(([ref, sha]) => [ref.slice("refs/heads/".length), sha]));
    },
    directory: (repo) => at(repo).directory,
  };
}

function issueView(world: World, repository: Repository, issue: Issue): IssueView {
  return {
    id: issue.id,
    number: issue.number,
    url: issueWebUrl(world, repository, issue),
    author: loginOf(world, issue.author.userId),
    title: issue.title,
    body: issue.body,
    state: issue.state,
    locked: issue.locked,
    labels: [...issue.labels],
    assignees: issue.assigneeIds.map((id) => loginOf(world, id)),
    reactions: reactionViews(world, issue.reactions),
  };
}

function commentView(world: World, comment: Comment): CommentView {
  return {
    id: comment.id,
    author: loginOf(world, comment.author.userId),
    body: comment.body,
    createdAt: comment.createdAt,
    updatedAt: comment.updatedAt,
    reactions: reactionViews(world, comment.reactions),
  };
}

async function pullView(world: World, repository: Repository, issue: Issue): Promise<PullView> {
  const pull = must(issue.pull, `pull request ${issue.number}`);
  const changes = await readChanges(repository.directory, await forkPoint(repository, pull), pull.headSha);
  return {
    ...issueView(world, repository, issue),
    draft: pull.draft,
    merged: pull.mergedAt !== null,
    head: pull.headRef,
    headSha: pull.headSha,
    base: pull.baseRef,
    files: changes.map(({ path, additions, deletions, status }) => ({ path, additions, deletions, status })),
    requestedReviewers: [...pull.reviewerIds].map((id) => loginOf(world, id)),
    reviews: pull.reviews.map(({ id, author, state, body }) => ({
      id,
      author: loginOf(world, author.userId),
      state,
      body,
    })),
    reviewComments: pull.comments.map((comment) => ({
      ...commentView(world, comment),
      path: comment.path,
      line: comment.line,
      inReplyTo: comment.inReplyTo,
    })),
  };
}

function reactionViews(world: World, reactions: readonly Reaction[]): ReactionView[] {
  return reactions.map(({ userId, content }) => ({ user: loginOf(world, userId), content }));
}

function loginOf(world: World, id: number): string {
  return accountById(world, id).login;
}
