import type { Permissions } from "../github/octokit.ts";
import type { Task } from "./task-store.ts";

/** What it takes to write to the thread of a task: GitHub asks for another permission where that is a pull request's. */
export function threadPermissions(task: Pick<Task, "context">): Permissions {
  return task.context.pull === null ? { issues: "write" } : { issues: "write", pull_requests: "write" };
}
