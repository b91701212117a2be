import type { Contract } from "./contract.ts";

// Which permission lets an App hear an event; GitHub refuses a subscription without it.
const needs: Record<string, readonly string[]> = {
  issues: ["issues"],
  issue_comment: ["issues", "pull_requests"],
  label: ["issues", "pull_requests"],
  pull_request: ["pull_requests"],
  pull_request_review: ["pull_requests"],
  pull_request_review_comment: ["pull_requests"],
  pull_request_review_thread: ["pull_requests"],
  check_run: ["checks"],
  check_suite: ["checks"],
  status: ["statuses"],
  push: ["contents"],
  create: ["contents"],
  delete: ["contents"],
  release: ["contents"],
  workflow_run: ["actions"],
  workflow_job: ["actions"],
  member: ["members", "metadata"],
  repository: ["metadata"],
};

// Sent to every App whether it asks or not; asking is an error.
const always = new Set(["installation", "installation_repositories", "github_app_authorization"]);

/** What GitHub would refuse about an App's permissions and events. */
export function registrationProblems(
  contract: Pick<Contract, "permissionLevels" | "events">,
  input: { permissions: Record<string, unknown>; events: readonly string[] },
): string[] {
  const problems: string[] = [];
  for (const [name, level] of Object.entries(input.permissions)) {
    const levels = contract.permissionLevels.get(name);
    if (levels === undefined) problems.push(`permissions: there is no permission ${name}`);
    else if (!levels.includes(String(level))) {
      problems.push(`permissions.${name}: expected ${levels.join(" or ")}, got ${String(level)}`);
    }
  }
  for (const event of input.events) {
    const wanted = needs[event];
    if (!contract.events.has(event)) problems.push(`events: there is no event ${event}`);
    else if (always.has(event))
      problems.push(`events: ${event} is sent to every App and cannot be asked for`);
    else if (wanted?.some((name) => name === "metadata" || name in input.permissions) === false) {
      problems.push(`events: ${event} needs the permission ${wanted.join(" or ")}`);
    }
  }
  return problems;
}
