import { emitThread, touch } from "./emit.ts";
import { pullOf } from "./facts-pulls.ts";
import { headLabel, headRepositoryOf } from "./forks.ts";
import { fetchRef, isAncestor, revision, setRef } from "./git.ts";
import { invalid } from "./http-error.ts";
import { setState } from "./issue-state.ts";
import type { Account, Issue, Pull, Repository } from "./state.ts";
import type { World } from "./world.ts";

type Change = { repository: Repository; issue: Issue; sender: Account };

/** Makes a pull request a draft or ready for review. Gives whether that changed anything. */
export async function setDraft(world: World, input: Change & { draft: boolean }): Promise<boolean> {
  const { repository, issue, sender, draft } = input;
  const pull = pullOf(issue);
  if (pull.draft === draft) return false;
  pull.draft = draft;
  touch(world, issue);
  const action = draft ? "converted_to_draft" : "ready_for_review";
  await emitThread(world, { repository, issue, action, sender });
  return true;
}

/** Points a pull request at another base branch. Throws 422 where there is no such branch. */
export async function retarget(world: World, input: Change & { base: string }): Promise<void> {
  const { repository, issue, sender, base } = input;
  const pull = pullOf(issue);
  const sha = await revision(repository.directory, `refs/heads/${base}`);
  if (sha === undefined) throw invalid("PullRequest", { field: "base", code: "invalid" });
  const changes = { base: { ref: { from: pull.baseRef }, sha: { from: pull.baseSha } } };
  Object.assign(pull, { baseRef: base, baseSha: sha });
  touch(world, issue);
  await emitThread(world, { repository, issue, action: "edited", sender, facts: { changes } });
}

/** Opens or closes a pull request; throws 422 where GitHub does not open it again. */
export async function setPullState(
  world: World,
  input: Change & { state: "open" | "closed" },
): Promise<void> {
  const { repository, issue, sender, state } = input;
  if (state === issue.state) return;
  if (state === "open") await prepareReopening(world, repository, issue);
  setState(world, { issue, state, byId: sender.id });
  await emitThread(world, { repository, issue, action: state === "open" ? "reopened" : "closed", sender });
}

async function prepareReopening(world: World, repository: Repository, issue: Issue): Promise<void> {
  const pull = pullOf(issue);
  const refuse = (message: string): never => {
    throw invalid("PullRequest", { field: "state", message: `state cannot be changed. ${message}` });
  };
  if (pull.mergedAt !== null) refuse("The pull request is merged.");
  const head = headRepositoryOf(world, pull);
  if (head === undefined) return refuse("The repository that submitted this pull request has been deleted.");
  const ref = `refs/heads/${pull.headRef}`;
  const sha = await revision(head.directory, ref);
  if (sha === undefined) return refuse(`The ${pull.headRef} branch has been deleted.`);
  const base = await revision(repository.directory, `refs/heads/${pull.baseRef}`);
  if (base === undefined) return refuse(`The ${pull.baseRef} branch has been deleted.`);
  await bringHead(repository, { issue, head });
  if (!(await isAncestor(repository.directory, pull.headSha, sha)))
    refuse(`The ${pull.headRef} branch was force-pushed or recreated.`);
  refuseSecond(world, repository, pull);
  Object.assign(pull, { headSha: sha, baseSha: base });
}

/** Throws 422 where another open pull request has the same two branches. */
export function refuseSecond(
  world: World,
  repository: Repository,
  wanted: Pick<Pull, "headRepositoryId" | "headOwnerId" | "headRef" | "baseRef">,
): void {
  const same = [...repository.issues.values()].some(
    ({ pull, state }) =>
      pull !== null &&
      state === "open" &&
      pull.headRepositoryId === wanted.headRepositoryId &&
      pull.headRef === wanted.headRef &&
      pull.baseRef === wanted.baseRef,
  );
  if (!same) return;
  const message = `A pull request already exists for ${headLabel(world, wanted)}.`;
  throw invalid("PullRequest", { message });
}

/** Lets the pull request's own ref in the base repository stand where its head branch stands; the objects come along. */
export async function bringHead(
  repository: Repository,
  { issue, head }: { issue: Issue; head: Repository },
): Promise<void> {
  const ref = `refs/heads/${pullOf(issue).headRef}`;
  const into = `refs/pull/${issue.number}/head`;
  const sha = head === repository ? await revision(repository.directory, ref) : undefined;
  if (sha !== undefined) await setRef(repository.directory, into, sha);
  else await fetchRef(repository.directory, { from: head.directory, ref, into });
}
