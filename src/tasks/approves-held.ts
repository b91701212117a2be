import type { TaskAnswer } from "../../db/schema.ts";

/** Whether a person has allowed the protected files of the leg before to be pushed. */
export const approvesHeld = (answer: TaskAnswer | null): boolean =>
  answer?.kind === "protected-paths" && answer.approved;
