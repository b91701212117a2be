import { accountOf, page, textOf } from "./call.ts";
import type { Answer, RepositoryCall, RepositoryHandler } from "./call.ts";
import { commitOfRef } from "./checks-commit.ts";
import { addStatus, combinedState, latestStatuses, statusFacts } from "./checks-statuses.ts";
import { repositoryFacts } from "./facts-repository.ts";
import { pullOf, pullSummary } from "./facts-pulls.ts";
import { isAncestor, revision, revisionOf } from "./git.ts";
import { HttpError } from "./http-error.ts";
import { isObject, text } from "./json.ts";
import type { Issue } from "./state.ts";
import { fullName } from "./world.ts";
import type { World } from "./world.ts";

// Of one context on one commit.
const maxStatuses = 1000;

/** Commit statuses, and the pull requests a commit belongs to. */
export const statusHandlers: Record<string, RepositoryHandler> = {
  "repos/create-commit-status": createStatus,
  "repos/list-commit-statuses-for-ref": async (world, call) => {
    const sha = await commitOfRef(call);
    const items = call.repository.checks.statuses.filter((status) => status.sha === sha).toReversed();
    return page(world, call, { items, facts: (status) => statusFacts(world, call.repository, status) });
  },
  "repos/get-combined-status-for-ref": combinedStatus,
  "repos/list-pull-requests-associated-with-commit": listPulls,
};

async function createStatus(world: World, call: RepositoryCall): Promise<Answer> {
  const { repository, body } = call;
  const sha = textOf(call, "sha");
  const context = text(body["context"]) ?? "default";
  if ((await revision(repository.directory, sha)) !== sha) {
    throw new HttpError(422, `No commit found for SHA: ${sha}`);
  }
  const earlier = repository.checks.statuses.filter((it) => it.sha === sha && it.context === context);
  if (earlier.length >= maxStatuses) {
    throw new HttpError(
      422,
      "Validation Failed: This SHA and context has reached the maximum number of statuses.",
    );
  }
  const status = await addStatus(world, {
    ...{ repository, sha, context, creatorId: accountOf(call.actor).id },
    // The description allows no other word.
    state: (text(body["state"]) ?? "") as "error" | "failure" | "pending" | "success",
    description: text(body["description"]) ?? null,
    targetUrl: text(body["target_url"]) ?? null,
  });
  return { status: 201, facts: statusFacts(world, repository, status) };
}

async function combinedStatus(world: World, call: RepositoryCall): Promise<Answer> {
  const { repository } = call;
  const sha = await commitOfRef(call);
  const latest = latestStatuses(repository, sha);
  const { facts, ...rest } = page(world, call, {
    items: latest,
    facts: (status) => statusFacts(world, repository, status),
    wrap: "statuses",
  });
  const api = `${world.apiUrl}/repos/${fullName(world, repository)}/commits/${sha}`;
  const repositoryShown = repositoryFacts(world, repository);
  return {
    ...rest,
    facts: {
      ...(isObject(facts) ? facts : {}),
      ...{ state: combinedState(latest), sha, repository: repositoryShown },
      ...{ commit_url: api, url: `${api}/status` },
    },
  };
}

/** The merged ones that brought a commit of the default branch, else all that hold the commit. */
async function listPulls(world: World, call: RepositoryCall): Promise<Answer> {
  const { repository } = call;
  const { directory } = repository;
  const name = textOf(call, "commit_sha");
  const sha = await revisionOf(directory, name);
  if (sha === undefined) throw new HttpError(422, `No commit found for SHA: ${name}`);
  const isMain = await isAncestor(directory, sha, `refs/heads/${repository.defaultBranch}`);
  const holds = async (issue: Issue): Promise<boolean> => {
    const { headSha, baseSha, mergeSha, mergedAt } = pullOf(issue);
    if (isMain && mergedAt === null) return false;
    if (sha === mergeSha) return true;
    return (await isAncestor(directory, sha, headSha)) && !(await isAncestor(directory, sha, baseSha));
  };
  const pulls = [...repository.issues.values()].filter(({ pull, deleted }) => pull !== null && !deleted);
  const held = await Promise.all(pulls.map(holds));
  const items = pulls.filter((_issue, index) => held[index]);
  return page(world, call, { items, facts: (issue) => pullSummary(world, repository, issue) });
}
