/** The events whose bodies we know by their shape, because we act on them or soon will. */
export const knownKinds = [
  "issue_comment",
  "issues",
  "pull_request",
  "pull_request_review",
  "pull_request_review_comment",
  "check_run",
  "check_suite",
  "status",
  "installation",
  "installation_repositories",
  "repository",
] as const;
export type DeliveryKind = (typeof knownKinds)[number];

export type Body = Readonly<Record<string, unknown>>;

export function isBody(value: unknown): value is Body {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * What a body is, by its shape: GitHub signs the body only, so a header could pass one event off as another.
 * Null: none of the kinds we know.
 */
export function deriveKind(body: Body): DeliveryKind | null {
  if (isBody(body.comment)) {
    if (isBody(body.issue)) return "issue_comment";
    return isBody(body.pull_request) ? "pull_request_review_comment" : null;
  }
  if (isBody(body.issue)) return "issues";
  if (isBody(body.pull_request)) {
    if (isBody(body.review)) return "pull_request_review";
    return isBody(body.thread) ? null : "pull_request";
  }
  // A deployment's body may carry a check run beside it.
  if (isBody(body.check_run)) return isBody(body.deployment_status) ? null : "check_run";
  if (isBody(body.check_suite)) return "check_suite";
  if (typeof body.sha === "string" && typeof body.context === "string" && isBody(body.commit))
    return "status";
  if (Array.isArray(body.repositories_added)) return "installation_repositories";
  if (isBody(body.installation) && isBody(body.installation.account)) return "installation";
  return isRepositoryEvent(body) ? "repository" : null;
}

const repositoryKeys = new Set([
  "action",
  "repository",
  "sender",
  "installation",
  "organization",
  "enterprise",
  "changes",
]);
const repositoryActions = new Set([
  "created",
  "deleted",
  "archived",
  "unarchived",
  "edited",
  "renamed",
  "transferred",
  "publicized",
  "privatized",
]);

/** A repository's body has nothing of its own, so it is known by what is missing. */
function isRepositoryEvent(body: Body): boolean {
  return (
    isBody(body.repository) &&
    typeof body.action === "string" &&
    repositoryActions.has(body.action) &&
    Object.keys(body).every((key) => repositoryKeys.has(key))
  );
}

/** Whether the header may stand over this body: what we know must agree, what we do not know is let be. */
export function headerFits(event: string, kind: DeliveryKind | null): boolean {
  return kind === null ? !knownKinds.some((known) => known === event) : kind === event;
}
