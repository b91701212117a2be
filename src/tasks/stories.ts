import { UserError } from "../errors.ts";
import { answerQuestion } from "./answer-question.ts";
import type { Story } from "./attempt.ts";
import { changeCode } from "./change-code.ts";
import { makePlan } from "./make-plan.ts";
import { rebaseBranch } from "./rebase-branch.ts";
import { reviewPull } from "./review-pull.ts";
import { undoTurns } from "./undo-turns.ts";

/** What a task of each verb does. */
const stories: ReadonlyMap<string, Story> = new Map([
  ["implement", changeCode],
  ["fix-ci", changeCode],
  ["ask", answerQuestion],
  ["plan", makePlan],
  ["review", reviewPull],
  ["rebase", rebaseBranch],
  ["undo", undoTurns],
]);

/** UserError `not-built` for a verb that no task does. */
export function findStory(verb: string): Story {
  const story = stories.get(verb);
  if (story !== undefined) return story;
  throw new UserError(
    "not-built",
    `This version cannot do \`${verb}\`.`,
    "`/claude help` lists what it can do.",
  );
}
