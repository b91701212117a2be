import { toInlineCode, toInlineText, type PublicMarkdown } from "../github/inline-text.ts";
import type { FrozenContext, FrozenReviewThread } from "./frozen-context.ts";
import type { TurnContradiction, TurnResult } from "./turn-result.ts";

/** All of it stands in one comment, which takes 65,536 characters; threads beyond that are answered as not handled. */
const maxItems = 15;
const maxNamed = 6;

/** What people have to decide before the task goes on. */
export type OpenQuestions = {
  text: PublicMarkdown;
  /** First comments of the threads that wait for it. */
  threadIds: ReadonlySet<number>;
  /** Names of what is asked, so that it is asked once. */
  keys: string[];
};

type Item = { key: string; threadIds: readonly number[]; text: string };

/** "None" under a heading that the prompt names is no question. */
const nothing = /^\W*(?:none|no(?: open)? (?:questions|contradictions)|n\/a)\W*$/i;

/** The agent's contradictions and questions as one checklist; null when it has none, or none that was not asked before. */
export function findOpenQuestions(
  turn: Pick<TurnResult, "threads" | "questions" | "contradictions">,
  context: Pick<FrozenContext, "review" | "pull">,
  askedBefore: ReadonlySet<string>,
): OpenQuestions | null {
  const link = linkThreads(context);
  const known = new Set(context.review?.threads.map(({ commentId }) => commentId));
  const contradictions = turn.contradictions
    .filter(({ text }) => !nothing.test(text))
    .map((each) => toContradiction(each, link));
  const inContradictions = new Set(contradictions.flatMap(({ threadIds }) => threadIds));
  const onThreads = turn.threads
    .filter(({ verdict, commentId }) => verdict === "question" && known.has(commentId))
    .filter(({ commentId }) => !inContradictions.has(commentId))
    .map(({ commentId, text }): Item => ({
      key: `thread:${commentId}`,
      threadIds: [commentId],
      text: `${link(commentId)}: ${text ?? "Claude has a question here and did not say which."}`,
    }));
  const fresh = (items: Item[]) => items.filter(({ key }) => !askedBefore.has(key)).slice(0, maxItems);
  const [opposite, asked] = [fresh(contradictions), fresh(onThreads)];
  const free = turn.questions !== null && !nothing.test(turn.questions) ? turn.questions : null;
  if (opposite.length + asked.length === 0 && free === null) return null;
  const blocks = [
    ...(opposite.length === 0
      ? []
      : [`**These ask for opposite things; which shall it be?**`, list(opposite)]),
    ...(asked.length === 0 ? [] : ["**Questions about review threads**", list(asked)]),
    ...(free === null ? [] : ["**Questions**", free]),
  ];
  return {
    text: blocks.join("\n\n") as PublicMarkdown,
    threadIds: new Set([...opposite, ...asked].flatMap(({ threadIds }) => threadIds)),
    keys: [...opposite, ...asked].map(({ key }) => key),
  };
}

function toContradiction({ threadIds, text }: TurnContradiction, link: (id: number) => string): Item {
  const ids = [...threadIds].sort((a, b) => a - b).slice(0, maxNamed);
  const named = ids.map(link).join(" and ");
  return {
    key: ids.length === 0 ? `contradiction:${text}` : `contradiction:${ids.join(",")}`,
    threadIds: ids,
    text: named === "" ? text : `${named}: ${text}`,
  };
}

/** Names a thread for people. One of an earlier review is not in the context and has only its number. */
function linkThreads({ review, pull }: Pick<FrozenContext, "review" | "pull">): (id: number) => string {
  const threads = new Map(review?.threads.map((thread) => [thread.commentId, thread]));
  return (id) => {
    const name = nameThread(threads.get(id));
    return pull === null ? name : `[${name}](<${pull.url}#discussion_r${id}>)`;
  };
}

function nameThread(thread: FrozenReviewThread | undefined): string {
  if (thread === undefined) return "an earlier thread";
  const author = thread.remarks[0]?.author;
  const where = `${toInlineCode(thread.path, 100)}${thread.line === null ? "" : ` line ${thread.line}`}`;
  return author === undefined ? where : `${toInlineText(author, 60)} on ${where}`;
}

function list(items: readonly Item[]): string {
  return items.map(({ text }) => `- [ ] ${text.replaceAll("\n", "\n  ")}`).join("\n");
}
