import type { Octokit } from "@octokit/rest";
import { readThread, type ThreadComment } from "../github/read-thread.ts";
import { mayWrite, readRole, type RepositoryRef } from "../github/thread.ts";
import { oneLine } from "../github/inline-text.ts";
import type { PullFacts } from "../github/read-pull.ts";
import { freezeAttachments } from "./attachments-freeze.ts";
import { freezePull } from "./freeze-pull.ts";
import { freezeReview, type ReviewMaterial } from "./freeze-review.ts";
import type { FrozenContext } from "./frozen-context.ts";
import { toVisibleText } from "./visible-text.ts";

/** Asking GitHub for more roles than this would make a trigger wait; the comments of further people are left out. */
const maxAuthors = 30;

/** Of all comments together: some 50,000 tokens, a quarter of what Claude can hold at all. */
const maxThreadCharacters = 200_000;

/** GitHub's own limit for a title. */
const maxTitle = 256;

export type FreezeInput = {
  repository: RepositoryRef;
  /** As the signed payload has it. */
  issue: {
    number: number;
    id: number;
    html_url: string;
    title: string;
    body: string | null;
    user: { id: number; login: string };
  };
  requester: { id: number; login: string };
  triggeredAt: Date;
  /** See `findBase`. */
  base: FrozenContext["base"];
  /** As GitHub has it now, where the thread is a pull request's. */
  pull?: PullFacts;
  review?: ReviewMaterial;
};

/**
 * Freezes what the prompt may be made of: the issue as the payload has it, the comments of people who may write, and the
 * head of the base branch.
 */
export async function freezeContext(octokit: Octokit, input: FreezeInput): Promise<FrozenContext> {
  const { repository, issue, base } = input;
  const thread = await readThread(octokit, {
    repository,
    issueNumber: issue.number,
    before: input.triggeredAt,
  });
  const writers = await readWriters(octokit, {
    repository,
    requester: input.requester,
    // Those who ask for work first: there is a limit.
    authors: [...askingAuthors(input.review), ...thread.comments.map(({ author }) => author)],
    issueAuthor: issue.user,
  });
  const trusted = thread.comments.filter(({ author }) => writers.has(author.id));
  const untrusted = thread.comments.filter(({ author }) => !writers.has(author.id));
  const newest = takeNewest(trusted);
  let hiddenPieces = 0;
  const visible = (markdown: string): string => {
    const { text, removed } = toVisibleText(markdown);
    hiddenPieces += removed;
    return text;
  };
  const frozen: FrozenContext = {
    repository,
    issue: {
      number: issue.number,
      id: issue.id,
      url: issue.html_url,
      title: oneLine(visible(issue.title), maxTitle),
      body: visible(issue.body ?? ""),
      author: issue.user.login,
      authorMayWrite: writers.has(issue.user.id),
    },
    comments: newest.map(({ author, createdAt, body }) => ({
      author: author.login,
      at: createdAt.toISOString(),
      body: visible(body),
    })),
    olderComments: thread.older + trusted.length - newest.length,
    // From the text as it was written: the visible one has lost its images.
    attachments: freezeAttachments(
      [
        { where: "issue", commentId: null, author: issue.user.login, at: null, body: issue.body ?? "" },
        ...newest.map(({ id, author, createdAt, body }) => ({
          ...{ where: "comment" as const, commentId: id, author: author.login },
          ...{ at: createdAt.toISOString(), body },
        })),
      ],
      { serverUrl: new URL(issue.html_url).origin },
    ),
    pull: input.pull === undefined ? null : freezePull(input.pull, { writers, visible }),
    review:
      input.review === undefined
        ? null
        : freezeReview(input.review, { writers, before: input.triggeredAt, visible }),
    checks: null,
    base,
    leftOutComments: thread.leftOut + untrusted.filter(({ author }) => author.type !== "Bot").length,
    hiddenPieces,
  };
  return { ...frozen, hiddenPieces };
}

/** The newest comments that fit into a prompt together. */
function takeNewest(comments: readonly ThreadComment[]): readonly ThreadComment[] {
  let characters = 0;
  const first = comments.findLastIndex(({ body }) => (characters += body.length) > maxThreadCharacters);
  return comments.slice(first + 1);
}

/** Who else has spoken in the threads that ask for work. */
function askingAuthors(review: ReviewMaterial | undefined): ThreadComment["author"][] {
  if (review === undefined) return [];
  const { remarks, askedIds } = review;
  const roots = new Set(
    remarks.filter(({ id }) => askedIds.has(id)).map(({ id, inReplyTo }) => inReplyTo ?? id),
  );
  return remarks.flatMap(({ id, inReplyTo, author }) =>
    author !== null && roots.has(inReplyTo ?? id) ? [author] : [],
  );
}

async function readWriters(
  octokit: Octokit,
  input: {
    repository: RepositoryRef;
    requester: { id: number };
    issueAuthor: { id: number; login: string };
    authors: readonly ThreadComment["author"][];
  },
): Promise<Set<number>> {
  const people = new Map<number, string>([[input.issueAuthor.id, input.issueAuthor.login]]);
  for (const author of input.authors) {
    if (author.type === "User" && people.size < maxAuthors) people.set(author.id, author.login);
  }
  // The gate has just let the requester through.
  people.delete(input.requester.id);
  const roles = await Promise.all(
    [...people].map(async ([id, login]) => ({
      id,
      role: await readRole(octokit, { repository: input.repository, user: { id, login } }),
    })),
  );
  return new Set([input.requester.id, ...roles.filter(({ role }) => mayWrite(role)).map(({ id }) => id)]);
}
