import { page, textOf } from "./call.ts";
import type { Answer, RepositoryCall, RepositoryHandler } from "./call.ts";
import { accountFacts } from "./facts.ts";
import { repositoryFacts, rolePermissions } from "./facts-repository.ts";
import { commitFacts } from "./facts-git.ts";
import { fileFacts } from "./facts-pulls.ts";
import { networkOf } from "./forks.ts";
import { isAncestor, listRefs, mergeBase, revision, revisionOf } from "./git.ts";
import { readChanges, readCommits } from "./git-read.ts";
import type { Commit } from "./git-read.ts";
import { getContent } from "./handlers-contents.ts";
import { HttpError, notFound } from "./http-error.ts";
import type { Json, JsonObject } from "./json.ts";
import { legacyPermission, roleOf } from "./roles.ts";
import type { Repository } from "./state.ts";
import { accountByLogin, fullName, must, ownerOf } from "./world.ts";
import type { World } from "./world.ts";

/** The repository, its branches, commits and people. */
export const repositoryHandlers: Record<string, RepositoryHandler> = {
  "repos/get": (world, call) => {
    const viewer = call.actor.kind === "user" ? call.actor.user : undefined;
    const owner = ownerOf(world, call.repository);
    const organization = owner.type === "Organization" ? { organization: accountFacts(world, owner) } : {};
    const facts = { ...repositoryFacts(world, call.repository, viewer), ...organization };
    return { status: 200, facts: { ...facts, ...originFacts(world, call.repository) } };
  },
  "repos/get-content": getContent,
  "repos/get-collaborator-permission-level": (world, call) => {
    const user = accountByLogin(world, textOf(call, "username"));
    if (user === undefined) throw new HttpError(404, `${textOf(call, "username")} is not a user`);
    const role = roleOf(world, call.repository, user);
    const permissions = rolePermissions(role);
    const facts = { ...accountFacts(world, user), permissions, role_name: role };
    return { status: 200, facts: { permission: legacyPermission(role), role_name: role, user: facts } };
  },
  "repos/get-branch": getBranch,
  "repos/list-branches": async (world, call) => {
    const heads = [...(await listRefs(call.repository.directory, "refs/heads"))];
    const wanted = call.query["protected"];
    const items = heads
      .map(([ref, sha]) => ({ name: ref.slice("refs/heads/".length), sha }))
      .filter(({ name }) => wanted === undefined || call.repository.protectedBranches.has(name) === wanted);
    return page(world, call, {
      items,
      facts: ({ name, sha }) => branchFacts(world, call.repository, name, sha),
    });
  },
  "repos/get-branch-protection": (world, call) => {
    const branch = textOf(call, "branch");
    if (!call.repository.protectedBranches.has(branch)) throw new HttpError(404, "Branch not protected");
    const name = fullName(world, call.repository);
    const url = `${world.apiUrl}/repos/${name}/branches/${encodeURIComponent(branch)}/protection`;
    return { status: 200, facts: { url, enforce_admins: { url: `${url}/enforce_admins`, enabled: true } } };
  },
  "repos/get-commit": async (world, call) => {
    const commit = await readOne(call.repository, textOf(call, "ref"));
    const changes = await readChanges(call.repository.directory, commit.parents[0] ?? emptyTree, commit.sha);
    const files = changes.map((change) => fileFacts(world, call.repository, commit.sha, change));
    const additions = changes.reduce((total, change) => total + change.additions, 0);
    const deletions = changes.reduce((total, change) => total + change.deletions, 0);
    const stats = { additions, deletions, total: additions + deletions };
    return { status: 200, facts: { ...commitFacts(world, call.repository, commit), stats, files } };
  },
  "repos/list-commits": async (world, call) => {
    const from = call.query["sha"];
    const tip = await revision(
      call.repository.directory,
      typeof from === "string" ? from : call.repository.defaultBranch,
    );
    if (tip === undefined) throw new HttpError(409, "Git Repository is empty.");
    const items = await readHistory(call.repository.directory, tip);
    return page(world, call, { items, facts: (commit) => commitFacts(world, call.repository, commit) });
  },
  "repos/compare-commits-with-basehead": compare,
};

/** A history never changes, and reading one is what this server would spend most of its time with. */
const histories = new Map<string, Promise<Commit[]>>();

function readHistory(directory: string, tip: string): Promise<Commit[]> {
  const history = histories.get(tip) ?? readCommits(directory, [tip]);
  histories.set(tip, history);
  return history;
}

// git's name for the tree with nothing in it.
const emptyTree = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";

async function readOne(repository: Repository, ref: string): Promise<Commit> {
  const sha = await revisionOf(repository.directory, ref);
  if (sha === undefined) throw new HttpError(422, `No commit found for SHA: ${ref}`);
  return must((await readCommits(repository.directory, [sha, "-1"]))[0], `commit ${sha}`);
}

async function getBranch(world: World, call: RepositoryCall): Promise<Answer> {
  const name = textOf(call, "branch");
  const sha = await revision(call.repository.directory, `refs/heads/${name}`);
  if (sha === undefined) throw new HttpError(404, "Branch not found");
  const url = `${world.apiUrl}/repos/${fullName(world, call.repository)}/branches/${encodeURIComponent(name)}`;
  const facts = {
    ...branchFacts(world, call.repository, name, sha),
    commit: commitFacts(world, call.repository, await readOne(call.repository, sha)),
    _links: { html: `${world.url}/${fullName(world, call.repository)}/tree/${name}`, self: url },
    protection: { enabled: call.repository.protectedBranches.has(name) },
    protection_url: `${url}/protection`,
  };
  return { status: 200, facts };
}

/** Of a fork: where it comes from, directly and in the end. */
function originFacts(world: World, repository: Repository): JsonObject {
  const parent = repository.parentId === null ? undefined : world.repositories.get(repository.parentId);
  if (parent === undefined) return {};
  const source = must(networkOf(world, repository)[0], "source of a fork");
  return { parent: repositoryFacts(world, parent), source: repositoryFacts(world, source) };
}

function branchFacts(world: World, repository: Repository, name: string, sha: string) {
  const url = `${world.apiUrl}/repos/${fullName(world, repository)}`;
  return {
    name,
    commit: { sha, url: `${url}/commits/${sha}` },
    protected: repository.protectedBranches.has(name),
  };
}

async function compare(world: World, call: RepositoryCall): Promise<Answer> {
  const { repository } = call;
  const { directory } = repository;
  const [baseName = "", headName = ""] = textOf(call, "basehead").split("...");
  const [base, head] = await Promise.all([
    readOne(repository, bare(baseName)),
    readOne(repository, bare(headName)),
  ]);
  const fork = await mergeBase(directory, base.sha, head.sha);
  if (fork === undefined) throw notFound();
  const [ahead, behind, changes, forkCommit] = await Promise.all([
    readCommits(directory, ["--reverse", `${base.sha}..${head.sha}`]),
    readCommits(directory, [`${head.sha}..${base.sha}`]),
    readChanges(directory, fork, head.sha),
    readOne(repository, fork),
  ]);
  const url = `${world.apiUrl}/repos/${fullName(world, repository)}/compare/${base.sha}...${head.sha}`;
  const web = `${world.url}/${fullName(world, repository)}/compare/${base.sha}...${head.sha}`;
  const facts: Json = {
    url,
    html_url: web,
    permalink_url: web,
    diff_url: `${web}.diff`,
    patch_url: `${web}.patch`,
    base_commit: commitFacts(world, repository, base),
    merge_base_commit: commitFacts(world, repository, forkCommit),
    status: await standing(directory, base.sha, head.sha),
    ahead_by: ahead.length,
    behind_by: behind.length,
    total_commits: ahead.length,
    commits: onPage(call, ahead).map((commit) => commitFacts(world, repository, commit)),
    // "The list of changed files is only shown on the first page of results", and has 300 at most.
    ...(pageOf(call) === 1 && {
      files: changes.slice(0, 300).map((change) => fileFacts(world, repository, head.sha, change)),
    }),
  };
  return { status: 200, facts };
}

const pageOf = (call: RepositoryCall): number => Math.max(1, Number(call.query["page"] ?? 1));

/** Without paging a comparison shows 250 commits. */
function onPage<T>(call: RepositoryCall, items: readonly T[]): readonly T[] {
  const { page, per_page: size } = call.query;
  const perPage = page === undefined && size === undefined ? 250 : Math.min(100, Number(size ?? 30));
  return items.slice((pageOf(call) - 1) * perPage, pageOf(call) * perPage);
}

function bare(name: string): string {
  return name.replace(/^[^:]+:/, "");
}

async function standing(directory: string, base: string, head: string): Promise<string> {
  if (base === head) return "identical";
  if (await isAncestor(directory, base, head)) return "ahead";
  return (await isAncestor(directory, head, base)) ? "behind" : "diverged";
}
