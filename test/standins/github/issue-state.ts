import { touch } from "./emit.ts";
import type { Issue } from "./state.ts";
import type { World } from "./world.ts";

/** Opens or closes an issue or pull request, with GitHub's bookkeeping. */
export function setState(
  world: World,
  input: { issue: Issue; state: "open" | "closed"; byId: number; reason?: string | undefined },
): void {
  const { issue, state, byId, reason } = input;
  touch(world, issue);
  issue.state = state;
  issue.closedAt = state === "closed" ? issue.updatedAt : null;
  issue.closedBy = state === "closed" ? byId : null;
  const closing = reason === "not_planned" || reason === "duplicate" ? reason : "completed";
  issue.stateReason = issue.pull !== null ? null : state === "closed" ? closing : "reopened";
}
