import { formatPlural } from "../github/amounts.ts";
import type { PublicMarkdown } from "../github/inline-text.ts";
import type { ThreadAnswer } from "./review-answers.ts";

/** What became of a review: the first comments of its threads. */
export type ReviewReport = {
  answers: ReadonlyMap<number, ThreadAnswer>;
  /** Resolved by us, or by a person after our answer. */
  resolved: readonly number[];
  /** About these the task waits for a person. */
  asked: number;
  /** Remarks of people who may not write, and those beyond what one task takes. */
  leftOut: number;
};

/** One line for the status comment; null: the review had no threads. */
export function renderReviewReport(report: ReviewReport): PublicMarkdown | null {
  const { answers, resolved, asked, leftOut } = report;
  const total = answers.size + asked;
  if (total === 0) return null;
  const all = [...answers.values()];
  const said = (...kinds: string[]) =>
    all.filter((answer) => answer.kind === "said" && kinds.includes(answer.as)).length;
  const count = (kind: ThreadAnswer["kind"]) => all.filter((answer) => answer.kind === kind).length;
  const parts = [
    `${said("handled")} handled (${resolved.length} resolved)`,
    `${said("claimed", "answered")} answered`,
    `${said("left")} left`,
    ...some(count("settled"), "resolved by somebody meanwhile"),
    ...some(count("unreachable"), "could not be answered"),
    ...some(asked, `${asked === 1 ? "waits" : "wait"} for an answer`),
  ];
  const more =
    leftOut === 0
      ? ""
      : ` ${formatPlural(leftOut, "further remark")} ${leftOut === 1 ? "was" : "were"} not taken in.`;
  return `**Review**: of ${formatPlural(total, "thread")}, ${parts.join(", ")}.${more}` as PublicMarkdown;
}

function some(count: number, what: string): string[] {
  return count === 0 ? [] : [`${count} ${what}`];
}
