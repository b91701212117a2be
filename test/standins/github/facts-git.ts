import { accountFactsById, nodeId } from "./facts.ts";
import type { Commit, Person } from "./git-read.ts";
import type { JsonObject } from "./json.ts";
import type { Account, Repository } from "./state.ts";
import { fullName } from "./world.ts";
import type { World } from "./world.ts";

/** A commit as the repository's endpoints show it (with the accounts behind the addresses). */
export function commitFacts(world: World, repository: Repository, commit: Commit): JsonObject {
  const name = fullName(world, repository);
  const api = `${world.apiUrl}/repos/${name}`;
  return {
    sha: commit.sha,
    node_id: nodeId("C", Number.parseInt(commit.sha.slice(0, 12), 16)),
    url: `${api}/commits/${commit.sha}`,
    html_url: `${world.url}/${name}/commit/${commit.sha}`,
    comments_url: `${api}/commits/${commit.sha}/comments`,
    commit: {
      url: `${api}/git/commits/${commit.sha}`,
      author: { ...commit.author },
      committer: { ...commit.committer },
      message: commit.message,
      comment_count: 0,
      tree: { sha: commit.tree, url: `${api}/git/trees/${commit.tree}` },
      verification: unsigned(),
    },
    author: accountFactsById(world, accountBehind(world, commit.author)?.id ?? null),
    committer: accountFactsById(world, accountBehind(world, commit.committer)?.id ?? null),
    parents: commit.parents.map((sha) => ({
      sha,
      url: `${api}/commits/${sha}`,
      html_url: `${world.url}/${name}/commit/${sha}`,
    })),
  };
}

/** A commit as the git database shows it. */
export function gitCommitFacts(world: World, repository: Repository, commit: Commit): JsonObject {
  const name = fullName(world, repository);
  const api = `${world.apiUrl}/repos/${name}/git`;
  return {
    sha: commit.sha,
    node_id: nodeId("C", Number.parseInt(commit.sha.slice(0, 12), 16)),
    url: `${api}/commits/${commit.sha}`,
    html_url: `${world.url}/${name}/commit/${commit.sha}`,
    author: { ...commit.author },
    committer: { ...commit.committer },
    message: commit.message,
    tree: { sha: commit.tree, url: `${api}/trees/${commit.tree}` },
    parents: commit.parents.map((sha) => ({
      sha,
      url: `${api}/commits/${sha}`,
      html_url: `${world.url}/${name}/commit/${sha}`,
    })),
    verification: unsigned(),
  };
}

function unsigned(): JsonObject {
  return { verified: false, reason: "unsigned", signature: null, payload: null, verified_at: null };
}

/** The account whose no-reply address stands in a commit: `<id>+<login>@users.noreply.<host>`. */
function accountBehind(world: World, person: Person): Account | undefined {
  const id = /^(\d+)\+[^@]+@users\.noreply\./.exec(person.email)?.[1];
  return id === undefined ? undefined : world.accounts.get(Number(id));
}

/** A ref as the git database shows it. */
export function refFacts(world: World, repository: Repository, ref: string, sha: string): JsonObject {
  const api = `${world.apiUrl}/repos/${fullName(world, repository)}/git`;
  return {
    ref,
    node_id: nodeId("REF", Number.parseInt(sha.slice(0, 12), 16)),
    url: `${api}/${ref.split("/").map(encodeURIComponent).join("/")}`,
    object: { type: "commit", sha, url: `${api}/commits/${sha}` },
  };
}
