import { accountFacts, nodeId } from "./facts.ts";
import type { JsonObject } from "./json.ts";
import { atLeast, roleOf } from "./roles.ts";
import type { Account, Repository, Role } from "./state.ts";
import { fullName, ownerOf } from "./world.ts";
import type { World } from "./world.ts";

/** The short form of a repository in installation webhooks. */
export function repositoryMention(world: World, repository: Repository): JsonObject {
  return {
    id: repository.id,
    node_id: nodeId("R", repository.id),
    name: repository.name,
    full_name: fullName(world, repository),
    private: repository.isPrivate,
  };
}

export function repositoryFacts(world: World, repository: Repository, viewer?: Account): JsonObject {
  const name = fullName(world, repository);
  const api = `${world.apiUrl}/repos/${name}`;
  const web = `${world.url}/${name}`;
  const issues = [...repository.issues.values()].filter(
    ({ state, deleted }) => state === "open" && !deleted,
  ).length;
  const forks = [...world.repositories.values()].filter(({ parentId }) => parentId === repository.id).length;
  return {
    ...repositoryMention(world, repository),
    owner: accountFacts(world, ownerOf(world, repository)),
    html_url: web,
    description: repository.description,
    fork: repository.parentId !== null,
    url: api,
    ...repositoryUrls(api),
    clone_url: `${web}.git`,
    git_url: `${web.replace(/^https?/, "git")}.git`,
    ssh_url: `git@${new URL(world.url).host}:${name}.git`,
    svn_url: web,
    homepage: null,
    language: null,
    mirror_url: null,
    forks,
    forks_count: forks,
    stargazers_count: 0,
    watchers: 0,
    watchers_count: 0,
    size: 1,
    default_branch: repository.defaultBranch,
    open_issues: issues,
    open_issues_count: issues,
    topics: [],
    has_issues: true,
    has_projects: true,
    has_wiki: false,
    has_pages: false,
    has_downloads: true,
    has_discussions: false,
    archived: repository.archived,
    disabled: false,
    is_template: false,
    allow_forking: true,
    web_commit_signoff_required: false,
    visibility: repository.isPrivate ? "private" : "public",
    pushed_at: repository.pushedAt,
    created_at: repository.createdAt,
    updated_at: repository.updatedAt,
    license: null,
    permissions: viewer === undefined ? undefined : rolePermissions(roleOf(world, repository, viewer)),
  };
}

/** A role as the five booleans GitHub shows. */
export function rolePermissions(role: Role): JsonObject {
  return {
    admin: atLeast(role, "admin"),
    maintain: atLeast(role, "maintain"),
    push: atLeast(role, "write"),
    triage: atLeast(role, "triage"),
    pull: atLeast(role, "read"),
  };
}

function repositoryUrls(api: string): JsonObject {
  return {
    archive_url: `${api}/{archive_format}{/ref}`,
    assignees_url: `${api}/assignees{/user}`,
    blobs_url: `${api}/git/blobs{/sha}`,
    branches_url: `${api}/branches{/branch}`,
    collaborators_url: `${api}/collaborators{/collaborator}`,
    comments_url: `${api}/comments{/number}`,
    commits_url: `${api}/commits{/sha}`,
    compare_url: `${api}/compare/{base}...{head}`,
    contents_url: `${api}/contents/{+path}`,
    contributors_url: `${api}/contributors`,
    deployments_url: `${api}/deployments`,
    downloads_url: `${api}/downloads`,
    events_url: `${api}/events`,
    forks_url: `${api}/forks`,
    git_commits_url: `${api}/git/commits{/sha}`,
    git_refs_url: `${api}/git/refs{/sha}`,
    git_tags_url: `${api}/git/tags{/sha}`,
    hooks_url: `${api}/hooks`,
    issue_comment_url: `${api}/issues/comments{/number}`,
    issue_events_url: `${api}/issues/events{/number}`,
    issues_url: `${api}/issues{/number}`,
    keys_url: `${api}/keys{/key_id}`,
    labels_url: `${api}/labels{/name}`,
    languages_url: `${api}/languages`,
    merges_url: `${api}/merges`,
    milestones_url: `${api}/milestones{/number}`,
    notifications_url: `${api}/notifications{?since,all,participating}`,
    pulls_url: `${api}/pulls{/number}`,
    releases_url: `${api}/releases{/id}`,
    stargazers_url: `${api}/stargazers`,
    statuses_url: `${api}/statuses/{sha}`,
    subscribers_url: `${api}/subscribers`,
    subscription_url: `${api}/subscription`,
    tags_url: `${api}/tags`,
    teams_url: `${api}/teams`,
    trees_url: `${api}/git/trees{/sha}`,
  };
}
