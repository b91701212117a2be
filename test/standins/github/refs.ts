import { requestSuites } from "./checks-pushed.ts";
import { emitThread, touch } from "./emit.ts";
import { accountFacts, nodeId } from "./facts.ts";
import { pullOf } from "./facts-pulls.ts";
import { isAncestor, listRefs, revision, setRef } from "./git.ts";
import { readCommits } from "./git-read.ts";
import type { Commit } from "./git-read.ts";
import { setState } from "./issue-state.ts";
import type { JsonObject } from "./json.ts";
import type { Account, Issue, Repository } from "./state.ts";
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
  return await world.exclusively(repository.id, async () => {
    const before = await allRefs(repository);
    const result = await work();
    const changes = differences(before, await allRefs(repository));
    if (changes.length > 0) repository.pushedAt = stamp(world);
    for (const change of changes) await followChange(world, { repository, sender, change });
    return { result, changes };
  });
}

async function allRefs(repository: Repository): Promise<Map<string, string>> {
  const [heads, tags] = await Promise.all([
    listRefs(repository.directory, "refs/heads"),
    listRefs(repository.directory, "refs/tags"),
  ]);
  return new Map([...heads, ...tags]);
}

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
  for (const issue of openPulls(repository)) {
    const pull = pullOf(issue);
    if (pull.headRef !== branch) continue;
    if (change.after === noObject) {
      setState(world, { issue, state: "closed", byId: sender.id });
      await emitThread(world, { repository, issue, action: "closed", sender });
      continue;
    }
    pull.headSha = change.after;
    pull.baseSha = (await revision(repository.directory, `refs/heads/${pull.baseRef}`)) ?? pull.baseSha;
    touch(world, issue);
    await setRef(repository.directory, `refs/pull/${issue.number}/head`, pull.headSha);
    const facts = { before: change.before, after: change.after };
    await emitThread(world, { repository, issue, action: "synchronize", sender, facts });
  }
}

function openPulls(repository: Repository): Issue[] {
  return [...repository.issues.values()].filter(({ pull, state }) => pull !== null && state === "open");
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
