import { accountFactsById, nodeId, viaFacts } from "./facts.ts";
import type { JsonObject } from "./json.ts";
import { associationOf } from "./roles.ts";
import type { Comment, Issue, Label, Reaction, Repository } from "./state.ts";
import { fullName } from "./world.ts";
import type { World } from "./world.ts";

/** What the description may ask of an issue, or of a pull request seen as one. */
export function issueFacts(world: World, repository: Repository, issue: Issue): JsonObject {
  const api = `${world.apiUrl}/repos/${fullName(world, repository)}`;
  const url = `${api}/issues/${issue.number}`;
  return {
    id: issue.id,
    node_id: nodeId(issue.pull ? "PR" : "I", issue.id),
    url,
    repository_url: api,
    labels_url: `${url}/labels{/name}`,
    comments_url: `${url}/comments`,
    events_url: `${url}/events`,
    timeline_url: `${url}/timeline`,
    html_url: issueWebUrl(world, repository, issue),
    ...threadFacts(world, repository, issue),
    state_reason: issue.stateReason,
    comments: issue.comments.length,
    closed_by: accountFactsById(world, issue.closedBy),
    reactions: rollup(`${url}/reactions`, issue.reactions),
    performed_via_github_app: viaFacts(world, issue.author.appId),
    type: null,
    ...(issue.pull === null ? {} : pullMention(world, repository, issue)),
  };
}

/** What issues and pull requests have in common. */
export function threadFacts(world: World, repository: Repository, issue: Issue): JsonObject {
  const assignees = issue.assigneeIds.map((id) => accountFactsById(world, id));
  return {
    number: issue.number,
    title: issue.title,
    body: issue.body,
    user: accountFactsById(world, issue.author.userId),
    labels: issue.labels.flatMap((name) => {
      const label = repository.labels.find((candidate) => candidate.name === name);
      return label === undefined ? [] : [labelFacts(world, repository, label)];
    }),
    state: issue.state,
    locked: issue.locked,
    active_lock_reason: issue.lockReason,
    assignee: assignees[0] ?? null,
    assignees,
    milestone: null,
    author_association: associationOf(world, repository, issue.author),
    created_at: issue.createdAt,
    updated_at: issue.updatedAt,
    closed_at: issue.closedAt,
  };
}

function pullMention(world: World, repository: Repository, issue: Issue): JsonObject {
  const web = issueWebUrl(world, repository, issue);
  return {
    draft: issue.pull?.draft ?? false,
    pull_request: {
      url: `${world.apiUrl}/repos/${fullName(world, repository)}/pulls/${issue.number}`,
      html_url: web,
      diff_url: `${web}.diff`,
      patch_url: `${web}.patch`,
      merged_at: issue.pull?.mergedAt ?? null,
    },
  };
}

/** The page of an issue or pull request. */
export function issueWebUrl(world: World, repository: Repository, issue: Issue): string {
  return `${world.url}/${fullName(world, repository)}/${issue.pull ? "pull" : "issues"}/${issue.number}`;
}

export function commentFacts(
  world: World,
  repository: Repository,
  issue: Issue,
  comment: Comment,
): JsonObject {
  const api = `${world.apiUrl}/repos/${fullName(world, repository)}/issues`;
  const url = `${api}/comments/${comment.id}`;
  return {
    id: comment.id,
    node_id: nodeId("IC", comment.id),
    url,
    html_url: `${issueWebUrl(world, repository, issue)}#issuecomment-${comment.id}`,
    issue_url: `${api}/${issue.number}`,
    ...writtenFacts(world, repository, comment),
    reactions: rollup(`${url}/reactions`, comment.reactions),
    performed_via_github_app: viaFacts(world, comment.author.appId),
  };
}

/** Author, body and times of anything written. */
export function writtenFacts(world: World, repository: Repository, comment: Comment): JsonObject {
  return {
    user: accountFactsById(world, comment.author.userId),
    author_association: associationOf(world, repository, comment.author),
    body: comment.body,
    created_at: comment.createdAt,
    updated_at: comment.updatedAt,
  };
}

export function labelFacts(world: World, repository: Repository, label: Label): JsonObject {
  return {
    id: label.id,
    node_id: nodeId("LA", label.id),
    url: `${world.apiUrl}/repos/${fullName(world, repository)}/labels/${encodeURIComponent(label.name)}`,
    name: label.name,
    description: label.description,
    color: label.color,
    default: label.isDefault,
  };
}

export function reactionFacts(world: World, reaction: Reaction): JsonObject {
  return {
    id: reaction.id,
    node_id: nodeId("REA", reaction.id),
    user: accountFactsById(world, reaction.userId),
    content: reaction.content,
    created_at: reaction.createdAt,
  };
}

/** Counts by kind, as GitHub shows them under a text. */
export function rollup(url: string, reactions: readonly Reaction[]): JsonObject {
  const count = (content: string): number =>
    reactions.filter((reaction) => reaction.content === content).length;
  const kinds = ["+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes"];
  return {
    url,
    total_count: reactions.length,
    ...Object.fromEntries(kinds.map((kind) => [kind, count(kind)])),
  };
}
