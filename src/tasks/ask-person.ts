import type { TaskQuestion } from "../../db/schema.ts";
import type { Deps } from "../deps.ts";
import type { PublicMarkdown } from "../github/inline-text.ts";
import type { AgentRun } from "../sessions/run-agent.ts";
import { workOf, type WorkFacts } from "./make-receipt.ts";
import { questionOf } from "./question-of.ts";
import type { TaskPause } from "./task-end.ts";

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
  const { kind, text, sha, run, work } = input;
  return {
    status: "waiting",
    question: questionOf({ kind, text, sha, now: deps.clock.now() }),
    work: work ?? workOf(run),
  };
}
