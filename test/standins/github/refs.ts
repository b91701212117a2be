import { requestSuites } from "./checks-pushed.ts";
import { emitThread, touch } from "./emit.ts";
import { accountFacts, nodeId } from "./facts.ts";
import { openPullsFrom } from "./forks.ts";
import { isAncestor, listRefs, revision } from "./git.ts";
import { readCommits } from "./git-read.ts";
import type { Commit } from "./git-read.ts";
import type { JsonObject } from "./json.ts";
import { bringHead, setPullState } from "./pull-changes.ts";
import { moveComments } from "./review-moves.ts";
import type { Account, Repository } from "./state.ts";
import { fullName, stamp } from "./world.ts";
import type { World } from "./world.ts";

export const noObject = "0".repeat(40);
export type RefChange = { ref: string; before: string; after: string };

/** Runs something that may move refs, alone in its repository, then does what GitHub does about the moves. */
export async function movingRefs<T>(
  world: World,
  input: { repository: Repository; sender: Account; work: () => Promise<T> },
): Promise<{ result: T; changes: RefChange[] }> {
  const { repository, sender, work } = input;
  const outcome = await world.exclusively(repository.id, async () => {
    const before = await allRefs(repository);
    const result = await work();
    const changes = differences(before, await allRefs(repository));
    if (changes.length > 0) repository.pushedAt = stamp(world);
    for (const change of changes) await followChange(world, { repository, sender, change });
    return { result, changes };
  });
  // After this repository's turn, so that two forks of each other cannot wait for one another.
  for (const change of outcome.changes) await followElsewhere(world, { repository, sender, change });
  return outcome;
}

const allRefs = (repository: Repository): Promise<Map<string, string>> =>
  listRefs(repository.directory, "refs/heads", "refs/tags");

function differences(before: Map<string, string>, after: Map<string, string>): RefChange[] {
  return [...new Set([...before.keys(), ...after.keys()])]
    .map((ref) => ({ ref, before: before.get(ref) ?? noObject, after: after.get(ref) ?? noObject }))
    .filter((change) => change.before !== change.after);
}

type Follow = { repository: Repository; sender: Account; change: RefChange };

async function followChange(world: World, input: Follow): Promise<void> {
  const { repository, sender, change } = input;
  await emitPush(world, input);
  if (!change.ref.startsWith("refs/heads/")) return;
  const branch = change.ref.slice("refs/heads/".length);
  if (change.after !== noObject)
    await requestSuites(world, { repository, branch, sha: change.after, sender });
  if (change.after === noObject) emitDelete(world, input, branch);
  for (const open of openPullsFrom(world, repository)) {
    if (open.repository === repository && open.pull.headRef === branch) await followHead(world, input, open);
  }
  for (const open of openPullsAgainst(repository, branch)) await followBase(world, input, open);
}

/** What a push to a fork does to the pull requests from it. */
async function followElsewhere(world: World, input: Follow): Promise<void> {
  const { repository, change } = input;
  const pulls = openPullsFrom(world, repository).filter(
    (open) => open.repository !== repository && change.ref === `refs/heads/${open.pull.headRef}`,
  );
  for (const open of pulls) await world.exclusively(open.repository.id, () => followHead(world, input, open));
}

type OpenPull = ReturnType<typeof openPullsFrom>[number];

async function followHead(world: World, input: Follow, open: OpenPull): Promise<void> {
  const { repository: head, sender, change } = input;
  const { repository, issue, pull } = open;
  if (change.after === noObject) {
    await setPullState(world, { repository, issue, sender, state: "closed" });
    return;
  }
  pull.baseSha = (await revision(repository.directory, `refs/heads/${pull.baseRef}`)) ?? pull.baseSha;
  pull.headSha = change.after;
  touch(world, issue);
  await bringHead(repository, { issue, head });
  await moveComments(repository, { pull, before: change.before });
  const facts = { before: change.before, after: change.after };
  await emitThread(world, { repository, issue, action: "synchronize", sender, facts });
}

function openPullsAgainst(repository: Repository, branch: string): Omit<OpenPull, "repository">[] {
  return [...repository.issues.values()].flatMap((issue) => {
    const { pull } = issue;
    if (pull?.baseRef !== branch || issue.state !== "open" || issue.deleted) return [];
    return [{ issue, pull }];
  });
}

/** A base that is gone closes a pull request; one that got its commits has merged it. */
async function followBase(
  world: World,
  input: Follow,
  { issue, pull }: Omit<OpenPull, "repository">,
): Promise<void> {
  const { repository, sender, change } = input;
  const isGone = change.after === noObject;
  if (!isGone && !(await isAncestor(repository.directory, pull.headSha, change.after))) return;
  if (!isGone) Object.assign(pull, { mergeSha: change.after, mergedBy: sender.id, mergedAt: stamp(world) });
  await setPullState(world, { repository, issue, sender, state: "closed" });
}

function emitDelete(world: World, { repository, sender }: Follow, branch: string): void {
  const facts = { ref: branch, ref_type: "branch", pusher_type: "user" };
  world.emit({ event: "delete", action: null, repository, sender, facts });
}

async function emitPush(world: World, { repository, sender, change }: Follow): Promise<void> {
  const { ref, before, after } = change;
  const { directory } = repository;
  const isNew = before === noObject;
  const isGone = after === noObject;
  const range = isNew ? [after, "--not", "--exclude", ref, "--branches"] : [`${before}..${after}`];
  const commits = isGone ? [] : await readCommits(directory, [...range, "-20"]);
  const head = isGone ? undefined : (await readCommits(directory, [after, "-1"]))[0];
  const name = fullName(world, repository);
  world.emit({
    event: "push",
    action: null,
    repository,
    sender,
    facts: {
      ref,
      before,
      after,
      base_ref: null,
      compare: `${world.url}/${name}/compare/${before.slice(0, 12)}...${after.slice(0, 12)}`,
      created: isNew,
      deleted: isGone,
      forced: !isNew && !isGone && !(await isAncestor(directory, before, after)),
      commits: commits.toReversed().map((commit) => pushedCommit(world, name, commit)),
      head_commit: head === undefined ? null : pushedCommit(world, name, head),
      pusher: { name: sender.login, email: null, id: nodeId("U", sender.id) },
      sender: accountFacts(world, sender),
    },
  });
}

function pushedCommit(world: World, name: string, commit: Commit): JsonObject {
  return {
    id: commit.sha,
    tree_id: commit.tree,
    distinct: true,
    message: commit.message,
    timestamp: commit.committer.date,
    url: `${world.url}/${name}/commit/${commit.sha}`,
    author: { ...commit.author, username: undefined },
    committer: { ...commit.committer, username: undefined },
    added: [],
    removed: [],
    modified: [],
  };
}
