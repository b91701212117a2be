import { branchesWith } from "./checks-suites.ts";
import { accountFactsById, nodeId } from "./facts.ts";
import { commitFacts } from "./facts-git.ts";
import { revision } from "./git.ts";
import { readCommits } from "./git-read.ts";
import type { JsonObject } from "./json.ts";
import type { CommitStatus, Repository } from "./state.ts";
import { accountById, fullName, must, stamp } from "./world.ts";
import type { World } from "./world.ts";

// GitHub names at most so many in the webhook.
const maxBranches = 10;

/** A commit status as lists show it. */
export function statusFacts(world: World, repository: Repository, status: CommitStatus): JsonObject {
  return {
    url: `${world.apiUrl}/repos/${fullName(world, repository)}/statuses/${status.sha}`,
    avatar_url: `${world.url}/avatars/${status.creatorId}`,
    id: status.id,
    node_id: nodeId("SC", status.id),
    state: status.state,
    description: status.description,
    target_url: status.targetUrl,
    context: status.context,
    created_at: status.createdAt,
    updated_at: status.createdAt,
    creator: accountFactsById(world, status.creatorId),
  };
}

/** Adds a word about a commit (earlier ones of its context stay) and tells of it. The commit must be there. */
export async function addStatus(
  world: World,
  input: { repository: Repository } & Omit<CommitStatus, "id" | "createdAt">,
): Promise<CommitStatus> {
  const { repository, ...said } = input;
  const status: CommitStatus = { id: world.nextId("status"), ...said, createdAt: stamp(world) };
  repository.checks.statuses.push(status);
  await emitStatus(world, repository, status);
  return status;
}

async function emitStatus(world: World, repository: Repository, status: CommitStatus): Promise<void> {
  const [commit] = await readCommits(repository.directory, [status.sha, "-1"]);
  const names = (await branchesWith(repository, status.sha)).slice(0, maxBranches);
  const api = `${world.apiUrl}/repos/${fullName(world, repository)}`;
  const branches = names.map(async (name) => {
    const sha = (await revision(repository.directory, `refs/heads/${name}`)) ?? null;
    const isProtected = repository.protectedBranches.has(name);
    return { name, commit: { sha, url: `${api}/commits/${sha ?? ""}` }, protected: isProtected };
  });
  const shown = statusFacts(world, repository, status);
  world.emit({
    event: "status",
    action: null,
    repository,
    sender: accountById(world, status.creatorId),
    facts: {
      id: status.id,
      sha: status.sha,
      name: fullName(world, repository),
      avatar_url: shown["avatar_url"],
      target_url: status.targetUrl,
      context: status.context,
      description: status.description,
      state: status.state,
      commit: commitFacts(world, repository, must(commit, `commit ${status.sha}`)),
      branches: await Promise.all(branches),
      created_at: status.createdAt,
      updated_at: status.createdAt,
    },
  });
}

/** The newest word of each context about a commit. */
export function latestStatuses(repository: Repository, sha: string): CommitStatus[] {
  const all = repository.checks.statuses.filter((status) => status.sha === sha);
  return [...new Map(all.map((status) => [status.context, status])).values()];
}

/** What all contexts say together; nothing said is pending. */
export function combinedState(statuses: readonly CommitStatus[]): "failure" | "pending" | "success" {
  if (statuses.some(({ state }) => state === "error" || state === "failure")) return "failure";
  const isPending = statuses.length === 0 || statuses.some(({ state }) => state === "pending");
  return isPending ? "pending" : "success";
}
