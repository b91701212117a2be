import { reviewManner } from "./prompt-review.ts";
import type { PromptInput } from "./prompt.ts";
import { renderReviewManner } from "./prompt-of-review.ts";

/** How the agent is to work and what it is to leave behind, by verb. */
export function renderManner(input: PromptInput): string {
  switch (input.verb) {
    case "review":
      return renderReviewManner(input);
    case "ask":
      return answering(input);
    case "plan":
      return input.answer?.approved === true ? changing(input) : planning(input);
    default:
      return changing(input);
  }
}

function changing(input: PromptInput): string {
  const whole = input.followUp || input.context.pull !== null ? "the pull request as a whole" : "the work";
  return [
    "How to work:",
    "- Keep a todo list while you work; people follow it.",
    "- Read before you change. Make the smallest change that does the whole job, in the manner of the code around it.",
    "- Run the project's tests when there are any, and add one for what you mend where that makes sense.",
    "- Leave your changes in the working tree. You need not commit, and you cannot push: that is done for you.",
    `- At the end write ${input.resultPath}: first line the title of the pull request (imperative, at most 72 characters, about ${whole}), ` +
      `then an empty line, then the sections \`## Summary\`, \`## Why\` and \`## How it was tested\`${whole === "the work" ? "" : `, about ${whole}, not only this round`}. ` +
      "If nothing had to be changed, say so there instead, and why.",
    ...reviewManner(input.context),
    "- What you can find out or decide yourself, do not ask. Where only people can decide, do all that does not depend on it and add the " +
      "section `## Questions` to that file: one `- [ ] <question>` each, with the options you see as a list below it. Your work so far is " +
      "published, and you go on when they have answered.",
  ].join("\n");
}

function answering({ repositoryPath }: PromptInput): string {
  return [
    "How to work:",
    `- Answer the question; change no file of ${repositoryPath}. Nothing that you change would be kept.`,
    "- Look at the code before you answer, and name the files and lines that your answer rests on.",
    "- Your last message is the answer that people read: Markdown, to the point, no preamble.",
  ].join("\n");
}

function planning({ repositoryPath }: PromptInput): string {
  return [
    "How to work:",
    `- Write a plan; change no file of ${repositoryPath} yet. A person approves the plan or asks for another one.`,
    "- Look at the code first, so that the plan names the files it will touch.",
    "- Your last message is the plan that people read: a Markdown checklist (`- [ ] …`) of the steps in their order, " +
      "then what could go wrong, and how you will know that it works.",
  ].join("\n");
}
