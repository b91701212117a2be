import type { TaskAnswer } from "../../db/schema.ts";
import type { FrozenContext } from "./frozen-context.ts";
import { renderChecks } from "./prompt-checks.ts";
import { renderManner } from "./prompt-manner.ts";
import { renderReview } from "./prompt-review.ts";
import { renderThread } from "./prompt-thread.ts";
import { quote } from "./quote.ts";

export type PromptInput = {
  context: FrozenContext;
  /** The part about attached files; null: there are none. */
  attachments: string | null;
  /** What the server has to say about this turn; null: nothing. */
  about: string | null;
  verb: string;
  instruction: string;
  requester: string;
  /** How a person answered the task's question; null: this is the task's first leg. */
  answer: TaskAnswer | null;
  /** The turn goes on with work that an earlier process began and did not finish. */
  interrupted: boolean;
  /** A further turn of the same conversation: the thread has been told before. */
  followUp: boolean;
  branch: string;
  resultPath: string;
  repositoryPath: string;
};

/** The exact text that the agent gets. */
export function renderPrompt(input: PromptInput): string {
  // A task that was approved before its start has not been told yet.
  const told = input.followUp && input.answer !== null && input.answer.kind !== "cost";
  const { review, checks } = input.context;
  const parts = [
    ...(input.interrupted ? [interruption] : []),
    ...(told ? [] : [task(input)]),
    ...(input.answer === null ? [] : [answered(input.answer)]),
    ...(input.followUp ? [] : [renderThread(input.context)]),
    ...(told || review === null ? [] : [renderReview(review)]),
    ...(told || checks === null ? [] : [renderChecks(checks)]),
    ...(input.about === null ? [] : [input.about]),
    ...(input.attachments === null ? [] : [input.attachments]),
    renderManner(input),
  ];
  return `${parts.join("\n\n")}\n`;
}

const interruption =
  "You were interrupted by a restart of the machine that runs you; your files are as you left them. " +
  "Look at the working tree first, then go on with the task below.";

function task(input: PromptInput): string {
  const { context, requester } = input;
  const { issue, pull, repository } = context;
  const what = pull === null ? "issue" : "pull request";
  const where = `${what} #${issue.number} of ${repository.owner}/${repository.name}`;
  const asked = input.instruction.trim();
  const lead = `You work on ${where}, in the checkout at ${input.repositoryPath} (branch ${input.branch}).`;
  if (context.checks !== null && asked === "")
    return `${lead}\nChecks of it have failed; they are below. Repair what they show, in the name of ${requester}.`;
  if (asked !== "") return `${lead}\n${requester} asks:\n\n${quote(asked)}`;
  if (context.review !== null)
    return `${lead}\n${requester} asks you to work off the remarks on the ${what} that are quoted below.`;
  return `${lead}\n${requester} asks you to do what the ${what} describes.`;
}

function answered({ kind, approved, text, by }: TaskAnswer): string {
  const words = text.trim() === "" ? "" : `:\n\n${quote(text.trim())}`;
  if (kind === "plan" && approved)
    return `${by.login} approved your plan${words === "" ? "." : words}\n\nCarry it out now.`;
  if (kind === "plan") return `${by.login} wants the plan to be different${words === "" ? "." : words}`;
  if (kind === "questions")
    return (
      `${by.login} answers your questions${words === "" ? "." : words}\n\n` +
      "Go on with the task: do what had to wait for this answer. What you published before stands; do not ask the same again."
    );
  return `${by.login} wants you to go on${words === "" ? "." : words}`;
}
