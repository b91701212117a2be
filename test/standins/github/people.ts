import { randomBytes } from "node:crypto";
import { addAttachment } from "./attachments.ts";
import type { Attached } from "./attachments.ts";
import { accountOf } from "./call.ts";
import { emitCheck } from "./facts-checks.ts";
import { emitThread } from "./emit.ts";
import { resolveThreadAs } from "./graphql-people.ts";
import { inWords, isObject } from "./json.ts";
import { atLeast, roleOf } from "./roles.ts";
import type { Account } from "./state.ts";
import { issueByNumber, must, repositoryNamed } from "./world.ts";
import type { World } from "./world.ts";

export type ApiAnswer = { status: number; headers: Headers; body: unknown };
export type Thread = { id: number; number: number; url: string };
export type Written = { id: number; url: string };

/** A person acting through the same REST API as the bot, with a token of their own; a refusal is thrown. */
export type Person = {
  login: string;
  token: string;
  /** Any call, refused or not; `path` below the API root. */
  api(method: string, path: string, body?: unknown): Promise<ApiAnswer>;
  createIssue(
    repo: string,
    input: { title: string; body?: string; labels?: string[]; assignees?: string[] },
  ): Promise<Thread>;
  editIssue(repo: string, number: number, input: { title?: string; body?: string }): Promise<void>;
  closeIssue(repo: string, number: number): Promise<void>;
  reopenIssue(repo: string, number: number): Promise<void>;
  /** Only GraphQL and the web page can do it on GitHub; here it needs the role admin. */
  deleteIssue(repo: string, number: number): Promise<void>;
  lockIssue(repo: string, number: number): Promise<void>;
  /** Drops a file into the editor of a thread; only the web page can do it on GitHub. Put `markdown` into a text then. */
  attach(repo: string, input: { name: string; data: Buffer | string }): Attached;
  comment(repo: string, number: number, body: string): Promise<Written>;
  editComment(repo: string, commentId: number, body: string): Promise<void>;
  deleteComment(repo: string, commentId: number): Promise<void>;
  addLabel(repo: string, number: number, label: string): Promise<void>;
  removeLabel(repo: string, number: number, label: string): Promise<void>;
  assign(repo: string, number: number, login: string): Promise<void>;
  openPull(
    repo: string,
    input: {
      title: string;
      /** `branch`, or `owner:branch` of a fork. */
      head: string;
      base: string;
      body?: string;
      draft?: boolean;
      maintainer_can_modify?: boolean;
    },
  ): Promise<Thread>;
  review(
    repo: string,
    number: number,
    input: {
      event: "APPROVE" | "REQUEST_CHANGES" | "COMMENT";
      body?: string;
      comments?: {
        path: string;
        line: number;
        side?: "LEFT" | "RIGHT";
        start_line?: number;
        start_side?: "LEFT" | "RIGHT";
        body: string;
      }[];
    },
  ): Promise<Written>;
  editReview(repo: string, number: number, reviewId: number, body: string): Promise<void>;
  dismissReview(repo: string, number: number, reviewId: number, message: string): Promise<void>;
  reviewComment(
    repo: string,
    number: number,
    input: { path: string; line: number; body: string },
  ): Promise<Written>;
  replyToReviewComment(repo: string, number: number, commentId: number, body: string): Promise<Written>;
  /** The button "Resolve conversation", by any comment of the thread. */
  resolveThread(repo: string, number: number, commentId: number): Promise<void>;
  merge(repo: string, number: number): Promise<void>;
  /** The button "Re-run" of a check: only the App that made it hears of it. */
  rerequestCheck(repo: string, checkRunId: number): void;
};

/** Gives a person a token and the verbs of the REST API. */
export function actAs(world: World, user: Account): Person {
  const token = `ghp_${randomBytes(18).toString("hex")}`;
  world.tokens.set(token, { kind: "user", userId: user.id });
  const api: Person["api"] = async (method, path, body) => await call(world, { token, method, path, body });
  const does = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const answer = await api(method, path, body);
    if (answer.status < 300) return answer.body;
    const said = JSON.stringify(answer.body);
    throw new Error(`Expected ${user.login} to be allowed ${method} ${path}, got ${answer.status}: ${said}`);
  };
  const done = async (...input: Parameters<typeof does>): Promise<void> => {
    await does(...input);
  };
  return {
    login: user.login,
    token,
    api,
    createIssue: async (repo, input) => thread(await does("POST", `/repos/${repo}/issues`, input)),
    editIssue: (repo, number, input) => done("PATCH", `/repos/${repo}/issues/${number}`, input),
    closeIssue: (repo, number) => done("PATCH", `/repos/${repo}/issues/${number}`, { state: "closed" }),
    reopenIssue: (repo, number) => done("PATCH", `/repos/${repo}/issues/${number}`, { state: "open" }),
    deleteIssue: (repo, number) => deleteIssue(world, { user, repo, number }),
    lockIssue: (repo, number) => done("PUT", `/repos/${repo}/issues/${number}/lock`),
    attach: (repo, input) => addAttachment(world, { user, repo, ...input }),
    comment: async (repo, number, body) =>
      written(await does("POST", `/repos/${repo}/issues/${number}/comments`, { body })),
    editComment: (repo, id, body) => done("PATCH", `/repos/${repo}/issues/comments/${id}`, { body }),
    deleteComment: (repo, id) => done("DELETE", `/repos/${repo}/issues/comments/${id}`),
    addLabel: (repo, number, label) =>
      done("POST", `/repos/${repo}/issues/${number}/labels`, { labels: [label] }),
    removeLabel: (repo, number, label) =>
      done("DELETE", `/repos/${repo}/issues/${number}/labels/${encodeURIComponent(label)}`),
    assign: (repo, number, login) =>
      done("POST", `/repos/${repo}/issues/${number}/assignees`, { assignees: [login] }),
    openPull: async (repo, input) => thread(await does("POST", `/repos/${repo}/pulls`, input)),
    review: async (repo, number, input) =>
      written(await does("POST", `/repos/${repo}/pulls/${number}/reviews`, input)),
    editReview: (repo, number, id, body) =>
      done("PUT", `/repos/${repo}/pulls/${number}/reviews/${id}`, { body }),
    dismissReview: (repo, number, id, message) =>
      done("PUT", `/repos/${repo}/pulls/${number}/reviews/${id}/dismissals`, { message }),
    reviewComment: async (repo, number, input) => {
      const pull = must(issueByNumber(repositoryNamed(world, repo), number)?.pull, `pull request ${number}`);
      const body = { ...input, side: "RIGHT", commit_id: pull.headSha };
      return written(await does("POST", `/repos/${repo}/pulls/${number}/comments`, body));
    },
    replyToReviewComment: async (repo, number, id, body) =>
      written(await does("POST", `/repos/${repo}/pulls/${number}/comments/${id}/replies`, { body })),
    resolveThread: (repo, number, commentId) => resolveThreadAs(world, token, { repo, number, commentId }),
    rerequestCheck: (repo, id) => rerequestCheck(world, { user, repo, id }),
    merge: (repo, number) => done("PUT", `/repos/${repo}/pulls/${number}/merge`),
  };
}

async function call(
  world: World,
  input: { token: string; method: string; path: string; body: unknown },
): Promise<ApiAnswer> {
  const response = await fetch(world.apiUrl + input.path, {
    method: input.method,
    headers: {
      authorization: `token ${input.token}`,
      accept: "application/vnd.github+json",
      "user-agent": "stand-in person",
      ...(input.body === undefined ? {} : { "content-type": "application/json" }),
    },
    body: input.body === undefined ? null : JSON.stringify(input.body),
  });
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.startsWith("application/json") === true;
  return {
    status: response.status,
    headers: response.headers,
    body: isJson ? (JSON.parse(text) as unknown) : text,
  };
}

function thread(body: unknown): Thread {
  if (!isObject(body)) throw new Error("Expected an issue or pull request, got no object.");
  return { id: Number(body["id"]), number: Number(body["number"]), url: inWords(body["html_url"]) };
}

function written(body: unknown): Written {
  if (!isObject(body)) throw new Error("Expected a comment or review, got no object.");
  return { id: Number(body["id"]), url: inWords(body["html_url"]) };
}

function rerequestCheck(world: World, input: { user: Account; repo: string; id: number }): void {
  const repository = repositoryNamed(world, input.repo);
  const run = must(
    repository.checkRuns.find(({ id }) => id === input.id),
    `check run ${input.id} in ${input.repo}`,
  );
  emitCheck(world, { repository, run, action: "rerequested", sender: input.user, onlyAppId: run.appId });
}

async function deleteIssue(
  world: World,
  input: { user: Account; repo: string; number: number },
): Promise<void> {
  const repository = repositoryNamed(world, input.repo);
  const sender = accountOf({ kind: "user", user: input.user });
  if (!atLeast(roleOf(world, repository, sender), "admin")) {
    throw new Error(
      `Expected ${sender.login} to be admin of ${input.repo}, so that they can delete an issue.`,
    );
  }
  const issue = must(issueByNumber(repository, input.number), `issue ${input.number} in ${input.repo}`);
  await emitThread(world, { repository, issue, action: "deleted", sender });
  issue.deleted = true;
}
