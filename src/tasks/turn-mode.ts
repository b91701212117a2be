import type { ToolSet } from "../sessions/agent-command.ts";
import type { Claim } from "./claim-store.ts";

export type TurnMode = {
  tools: ToolSet;
  /** Whether the repository's setup commands, and so its code, may run. */
  runsSetup: boolean;
  /** Whether the repository's test commands run after it. */
  runsTests: boolean;
  /** Whether the checkout's own CLAUDE.md speaks to the agent. */
  readsMemory: boolean;
};

/** What the turn of a task may do; a fork's code is read and never run. */
export function turnMode({ task, session }: Pick<Claim, "task" | "session">): TurnMode {
  const foreign = session.writes === "nothing";
  if (foreign || task.verb === "review")
    return { tools: "reading", runsSetup: false, runsTests: false, readsMemory: !foreign };
  const changes = task.verb !== "ask" && (task.verb !== "plan" || task.answer?.approved === true);
  const tools = changes ? "everything" : "answering";
  return { tools, runsSetup: true, runsTests: changes, readsMemory: true };
}
