import type { TaskQuestion } from "../../db/schema.ts";

/** After this a question that nobody has answered ends its task (resolution 3). */
const answerWithinMs = 7 * 86_400_000;

/** A question to a person, as it is asked now. */
export function questionOf({
  now,
  ...asked
}: Pick<TaskQuestion, "kind" | "text" | "sha"> & { now: Date }): TaskQuestion {
  return {
    ...asked,
    askedAt: now.toISOString(),
    expiresAt: new Date(now.getTime() + answerWithinMs).toISOString(),
  };
}
