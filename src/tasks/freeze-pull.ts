import type { PullFacts } from "../github/read-pull.ts";
import { oneLine } from "../github/inline-text.ts";
import type { FrozenPull } from "./frozen-context.ts";

/** GitHub's own limit for a title. */
const maxTitle = 256;

/** A pull request, as it was read once at the intake, for the task. */
export function freezePull(
  pull: PullFacts,
  options: { writers: ReadonlySet<number>; visible: (markdown: string) => string },
): FrozenPull {
  const { writers, visible } = options;
  return {
    number: pull.number,
    url: pull.url,
    title: oneLine(visible(pull.title), maxTitle),
    body: visible(pull.body),
    author: pull.author.login,
    authorMayWrite: writers.has(pull.author.id),
    draft: pull.draft,
    head: { ...pull.head },
    base: { ref: pull.base.ref, sha: pull.base.sha },
  };
}
