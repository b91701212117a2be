import type { TaskQuestion } from "../../db/schema.ts";
import type { Deps } from "../deps.ts";
import type { PublicMarkdown } from "../github/inline-text.ts";
import type { AgentRun } from "../sessions/run-agent.ts";
import { workOf, type WorkFacts } from "./make-receipt.ts";
import type { TaskPause } from "./task-end.ts";

/** After this a question that nobody has answered ends its task (resolution 3). */
const answerWithinMs = 7 * 86_400_000;

/** The task sleeps until a person has answered. */
export function askPerson(
  deps: Pick<Deps, "clock">,
  input: {
    kind: TaskQuestion["kind"];
    text: PublicMarkdown;
    sha: string | null;
    run: Pick<AgentRun, "commands">;
    work?: WorkFacts;
  },
): TaskPause {
  const now = deps.clock.now();
  return {
    status: "waiting",
    question: {
      kind: input.kind,
      text: input.text,
      sha: input.sha,
      askedAt: now.toISOString(),
      expiresAt: new Date(now.getTime() + answerWithinMs).toISOString(),
    },
    work: input.work ?? workOf(input.run),
  };
}
