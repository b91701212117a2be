import type { Call } from "./call.ts";
import { openPullsFrom } from "./forks.ts";
import { HttpError, notAccessible, notFound } from "./http-error.ts";
import { repositoryRules } from "./permissions.ts";
import type { Rule } from "./permissions.ts";
import { atLeast, covers, roleOf, widen } from "./roles.ts";
import type { Account, Actor, Level, Permissions, Repository } from "./state.ts";
import { fullName, issueByNumber, repositoryByFormerName, repositoryByName } from "./world.ts";
import type { World } from "./world.ts";

export type Request = Pick<Call, "operationId" | "actor" | "params" | "method" | "path">;

/** The repository of the path, once the caller is known to be allowed this operation on it; throws GitHub's refusal else. */
export function openRepository(world: World, request: Request): Repository {
  const { owner = "", repo = "" } = request.params;
  const former = repositoryByFormerName(world, owner, repo);
  const repository = repositoryByName(world, owner, repo);
  const rule = repositoryRules.get(request.operationId);
  if (rule === undefined) throw new Error(`permissions.ts has no rule for ${request.operationId}.`);
  if (repository === undefined) throw former === undefined ? notFound() : moved(world, request, former);
  const input = { world, request, repository, rule };
  switch (request.actor.kind) {
    case "anonymous":
      allowAnybody(input);
      break;
    case "user":
      if (maintainedBranches(world, repository, request.actor.user, request).length === 0)
        allowPerson(input, roleOf(world, repository, request.actor.user));
      break;
    case "installation":
      allowInstallation(input, request.actor);
      break;
    case "app":
    case "client":
      throw new HttpError(401, "Bad credentials");
  }
  if (repository.archived && !isRead(request)) {
    throw new HttpError(403, "Repository was archived so is read-only.");
  }
  return repository;
}

/** Where a repository went: the API names it by its id, git by its new name. */
function moved(world: World, request: Request, former: Repository): HttpError {
  if (isGit(request)) {
    const location = `${world.url}/${fullName(world, former)}.git`;
    return new HttpError(301, "Moved Permanently", { headers: { location } });
  }
  const rest = request.path.split("/").slice(4);
  const location = [`${world.apiUrl}/repositories/${former.id}`, ...rest].join("/");
  const isGet = request.method === "GET";
  const message = isGet ? "Moved Permanently" : "Temporary Redirect";
  return new HttpError(isGet ? 301 : 307, message, { body: { url: location }, headers: { location } });
}

/**
 * The branches of a fork that this person may push to although the fork is not theirs: those of open pull requests that let
 * maintainers change them, against repositories where the person may write.
 */
export function maintainedBranches(
  world: World,
  repository: Repository,
  user: Account,
  request: Pick<Request, "operationId">,
): string[] {
  if (request.operationId !== "git/receive-pack" || atLeast(roleOf(world, repository, user), "write"))
    return [];
  return openPullsFrom(world, repository)
    .filter(({ pull }) => pull.maintainerCanModify)
    .filter((open) => atLeast(roleOf(world, open.repository, user), "write"))
    .map(({ pull }) => pull.headRef);
}

type Input = { world: World; request: Request; repository: Repository; rule: Rule };

function allowAnybody({ request, repository, rule }: Input): void {
  if (repository.isPrivate) throw notFound();
  if (
    !isRead(request) ||
    rule.role !== "read" ||
    request.operationId === "repos/get-collaborator-permission-level"
  ) {
    throw new HttpError(401, "Requires authentication");
  }
}

function allowPerson({ repository, rule }: Input, role: ReturnType<typeof roleOf>): void {
  if (repository.isPrivate && role === "none") throw notFound();
  if (rule.role === "none") throw new HttpError(403, "You must authenticate via a GitHub App.");
  if (!atLeast(role, rule.role)) throw new HttpError(403, `Must have ${rule.role} rights to Repository.`);
}

function allowInstallation(input: Input, actor: Actor & { kind: "installation" }): void {
  const { world, request, repository } = input;
  const alternatives = alternativesOf(input);
  const accepted = alternatives.map(describe).join("; ");
  if (!reaches(repository, actor)) {
    if (repository.isPrivate) throw notFound();
    if (isRead(request) && input.rule.role === "read") return;
    throw notAccessible(accepted);
  }
  const satisfied = alternatives.find((wanted) => covers(actor.permissions, wanted));
  if (satisfied === undefined) throw notAccessible(accepted);
  widen(world.permissionsUsed, satisfied);
}

/** Whether an installation token covers this repository. */
export function reaches(repository: Repository, actor: Actor & { kind: "installation" }): boolean {
  if (repository.ownerId !== actor.installation.accountId) return false;
  if (actor.installation.selection === "selected" && !actor.installation.repositoryIds.has(repository.id))
    return false;
  return actor.repositoryIds?.has(repository.id) ?? true;
}

function isGit(request: Request): boolean {
  return request.operationId === "git/upload-pack" || request.operationId === "git/receive-pack";
}

function isRead(request: Request): boolean {
  return request.method === "GET" || request.operationId === "git/upload-pack";
}

function alternativesOf({ request, repository, rule }: Input): Permissions[] {
  return rule.needs.split("|").map((need) => {
    const [name = "", level = "read"] = need.split(":");
    return { [kindOf(name, request, repository)]: level as Level };
  });
}

function kindOf(name: string, request: Request, repository: Repository): string {
  if (name === "number") {
    const issue = issueByNumber(repository, Number(request.params["issue_number"]));
    return issue?.pull ? "pull_requests" : "issues";
  }
  if (name !== "comment") return name;
  const id = Number(request.params["comment_id"]);
  const issue = [...repository.issues.values()].find(({ comments }) =>
    comments.some((comment) => comment.id === id),
  );
  return issue?.pull ? "pull_requests" : "issues";
}

function describe(permissions: Permissions): string {
  return Object.entries(permissions)
    .map(([name, level]) => `${name}=${level}`)
    .join(",");
}
