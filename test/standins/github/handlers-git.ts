import { accountOf, textOf } from "./call.ts";
import type { Answer, RepositoryCall, RepositoryHandler } from "./call.ts";
import { gitCommitFacts, refFacts } from "./facts-git.ts";
import { deleteRef, isAncestor, isRefName, listRefs, revision, setRef } from "./git.ts";
import { readCommits } from "./git-read.ts";
import { HttpError, invalid, notFound } from "./http-error.ts";
import { text } from "./json.ts";
import { movingRefs } from "./refs.ts";
import type { Repository } from "./state.ts";
import { must } from "./world.ts";
import type { World } from "./world.ts";

/** The git database: refs and commits. */
export const gitHandlers: Record<string, RepositoryHandler> = {
  "git/get-ref": async (world, call) => {
    const ref = refOf(call);
    const sha = await revision(call.repository.directory, ref);
    if (sha === undefined) throw notFound();
    return { status: 200, facts: refFacts(world, call.repository, ref, sha) };
  },
  "git/list-matching-refs": async (world, call) => {
    const prefix = refOf(call);
    const [kind = ""] = prefix.slice("refs/".length).split("/");
    const refs = await listRefs(call.repository.directory, kind === "" ? "refs" : `refs/${kind}`);
    const items = [...refs].filter(([ref]) => ref.startsWith(prefix));
    return { status: 200, facts: items.map(([ref, sha]) => refFacts(world, call.repository, ref, sha)) };
  },
  "git/create-ref": createRef,
  "git/update-ref": updateRef,
  "git/delete-ref": removeRef,
  "git/get-commit": async (world, call) => {
    const sha = textOf(call, "commit_sha");
    if ((await revision(call.repository.directory, sha)) !== sha) throw notFound();
    const commit = must((await readCommits(call.repository.directory, [sha, "-1"]))[0], `commit ${sha}`);
    return { status: 200, facts: gitCommitFacts(world, call.repository, commit) };
  },
};

function refOf(call: RepositoryCall): string {
  return `refs/${textOf(call, "ref")}`;
}

async function createRef(world: World, call: RepositoryCall): Promise<Answer> {
  const { repository } = call;
  const [ref, sha] = [text(call.body["ref"]) ?? "", text(call.body["sha"]) ?? ""];
  if (!/^refs\/(heads|tags)\//.test(ref) || !(await isRefName(repository.directory, ref))) {
    throw new HttpError(422, "Reference name must start with 'refs/' and be valid.");
  }
  if ((await revision(repository.directory, sha)) !== sha) throw new HttpError(422, "Object does not exist");
  const work = async (): Promise<void> => {
    if ((await revision(repository.directory, ref)) !== undefined)
      throw new HttpError(422, "Reference already exists");
    await setRef(repository.directory, ref, sha);
  };
  await movingRefs(world, { repository, sender: accountOf(call.actor), work });
  return { status: 201, facts: refFacts(world, repository, ref, sha) };
}

async function updateRef(world: World, call: RepositoryCall): Promise<Answer> {
  const { repository } = call;
  const [ref, sha] = [refOf(call), text(call.body["sha"]) ?? ""];
  refuseProtected(repository, ref);
  const work = async (): Promise<void> => {
    const before = await revision(repository.directory, ref);
    if (before === undefined) throw new HttpError(422, "Reference does not exist");
    if ((await revision(repository.directory, sha)) !== sha)
      throw new HttpError(422, "Object does not exist");
    const isForward = await isAncestor(repository.directory, before, sha);
    if (!isForward && call.body["force"] !== true) throw new HttpError(422, "Update is not a fast forward");
    await setRef(repository.directory, ref, sha, before);
  };
  await movingRefs(world, { repository, sender: accountOf(call.actor), work });
  return { status: 200, facts: refFacts(world, repository, ref, sha) };
}

async function removeRef(world: World, call: RepositoryCall): Promise<Answer> {
  const { repository } = call;
  const ref = refOf(call);
  refuseProtected(repository, ref);
  if (ref === `refs/heads/${repository.defaultBranch}`)
    throw invalid("Ref", { message: "Cannot delete the default branch" });
  const work = async (): Promise<void> => {
    if ((await revision(repository.directory, ref)) === undefined) {
      throw new HttpError(422, "Reference does not exist");
    }
    await deleteRef(repository.directory, ref);
  };
  await movingRefs(world, { repository, sender: accountOf(call.actor), work });
  return { status: 204 };
}

function refuseProtected(repository: Repository, ref: string): void {
  if (ref.startsWith("refs/heads/") && repository.protectedBranches.has(ref.slice("refs/heads/".length))) {
    throw new HttpError(422, `Protected branch update failed for ${ref}.`);
  }
}
