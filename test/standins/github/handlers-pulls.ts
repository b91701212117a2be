import { accountOf, page, pullIssueOf } from "./call.ts";
import type { Answer, RepositoryCall, RepositoryHandler } from "./call.ts";
import { emitThread, touch } from "./emit.ts";
import { accountFacts } from "./facts.ts";
import { commitFacts } from "./facts-git.ts";
import {
  fileFacts,
  forkPoint,
  pullChanges,
  pullCommits,
  pullFacts,
  pullOf,
  pullSummary,
} from "./facts-pulls.ts";
import { revision, setRef } from "./git.ts";
import { readCommits, readDiff } from "./git-read.ts";
import { editThread, newIssue } from "./handlers-issues.ts";
import { invalid } from "./http-error.ts";
import { setState } from "./issue-state.ts";
import { inWords, text, texts } from "./json.ts";
import { checkBody, checkTitle, requireAuthorOr } from "./limits.ts";
import { mergePull } from "./merge.ts";
import type { Issue, Repository } from "./state.ts";
import { accountById, accountByLogin, ownerOf } from "./world.ts";
import type { World } from "./world.ts";

/** Pull requests: open, read, change, list. */
export const pullHandlers: Record<string, RepositoryHandler> = {
  "pulls/create": createPull,
  "pulls/get": async (world, call) => {
    const issue = pullIssueOf(call);
    if (/[.+]diff\b/.test(call.accept)) {
      const pull = pullOf(issue);
      const base = await forkPoint(call.repository, pull);
      const data = await readDiff(call.repository.directory, base, pull.headSha);
      return { status: 200, raw: { type: "application/vnd.github.diff; charset=utf-8", data } };
    }
    return { status: 200, facts: await pullFacts(world, call.repository, issue) };
  },
  "pulls/list": listPulls,
  "pulls/update": updatePull,
  "pulls/merge": mergePull,
  "pulls/list-files": async (world, call) => {
    const pull = pullOf(pullIssueOf(call));
    const items = await pullChanges(call.repository, pull);
    return page(world, call, {
      items,
      facts: (change) => fileFacts(world, call.repository, pull.headSha, change),
    });
  },
  "pulls/list-commits": async (world, call) => {
    const items = await pullCommits(call.repository, pullOf(pullIssueOf(call)));
    return page(world, call, { items, facts: (commit) => commitFacts(world, call.repository, commit) });
  },
  "pulls/request-reviewers": requestReviewers,
};

async function createPull(world: World, call: RepositoryCall): Promise<Answer> {
  const { repository, body } = call;
  const sides = await sidesOf(world, repository, {
    head: text(body["head"]) ?? "",
    base: text(body["base"]) ?? "",
  });
  const title = text(body["title"]);
  if (title === undefined) throw invalid("PullRequest", { code: "missing_field", field: "title" });
  checkTitle("PullRequest", title);
  checkBody("PullRequest", text(body["body"]), false);
  return await world.exclusively(repository.id, async () => {
    refuseSecond(world, repository, sides);
    const pull: Issue["pull"] = {
      id: world.nextId("pull"),
      draft: body["draft"] === true,
      ...sides,
      mergedAt: null,
      mergedBy: null,
      mergeSha: null,
      maintainerCanModify: body["maintainer_can_modify"] === true,
      reviewerIds: new Set(),
      reviews: [],
      comments: [],
    };
    const issue = newIssue(world, call, { title, body: text(body["body"]) ?? null, pull });
    await setRef(repository.directory, `refs/pull/${issue.number}/head`, sides.headSha);
    await emitThread(world, { repository, issue, action: "opened", sender: accountOf(call.actor) });
    const facts = await pullFacts(world, repository, issue);
    return { status: 201, facts, headers: { location: inWords(facts["url"]) } };
  });
}

type Sides = { headRef: string; headSha: string; baseRef: string; baseSha: string };

async function sidesOf(
  world: World,
  repository: Repository,
  names: { head: string; base: string },
): Promise<Sides> {
  const [branch = "", owner] = names.head.split(":", 2).toReversed();
  const isOwn = owner === undefined || owner.toLowerCase() === ownerOf(world, repository).login.toLowerCase();
  const headRef = branch;
  const headSha = isOwn ? await revision(repository.directory, `refs/heads/${headRef}`) : undefined;
  if (headSha === undefined) throw invalid("PullRequest", { field: "head", code: "invalid" });
  const baseSha = await revision(repository.directory, `refs/heads/${names.base}`);
  if (baseSha === undefined) throw invalid("PullRequest", { field: "base", code: "invalid" });
  const ahead = await readCommits(repository.directory, [`${baseSha}..${headSha}`, "-1"]);
  if (ahead.length === 0) {
    throw invalid("PullRequest", { message: `No commits between ${names.base} and ${headRef}` });
  }
  return { headRef, headSha, baseRef: names.base, baseSha };
}

function refuseSecond(world: World, repository: Repository, sides: Sides): void {
  const same = openPullsOf(repository).some(
    ({ pull }) => pull?.headRef === sides.headRef && pull.baseRef === sides.baseRef,
  );
  if (!same) return;
  const label = `${ownerOf(world, repository).login}:${sides.headRef}`;
  throw invalid("PullRequest", { message: `A pull request already exists for ${label}.` });
}

function openPullsOf(repository: Repository): Issue[] {
  return [...repository.issues.values()].filter(({ pull, state }) => pull !== null && state === "open");
}

function listPulls(world: World, call: RepositoryCall): Answer {
  const { query, repository } = call;
  const state = text(query["state"]) ?? "open";
  const base = text(query["base"]);
  const items = [...repository.issues.values()]
    .filter((issue) => issue.pull !== null && (state === "all" || issue.state === state))
    .filter(({ pull }) => base === undefined || pull?.baseRef === base)
    .filter(({ pull }) =>
      headMatches(world, repository, { wanted: text(query["head"]), headRef: pull?.headRef ?? "" }),
    )
    .toSorted((a, b) => b.number - a.number);
  if (query["direction"] === "asc") items.reverse();
  return page(world, call, { items, facts: (issue) => pullSummary(world, repository, issue) });
}

// GitHub ignores a head filter that names no owner.
function headMatches(
  world: World,
  repository: Repository,
  input: { wanted: string | undefined; headRef: string },
): boolean {
  if (input.wanted?.includes(":") !== true) return true;
  return input.wanted.toLowerCase() === `${ownerOf(world, repository).login}:${input.headRef}`.toLowerCase();
}

async function updatePull(world: World, call: RepositoryCall): Promise<Answer> {
  const { repository, body } = call;
  const issue = pullIssueOf(call);
  const pull = pullOf(issue);
  const sender = accountOf(call.actor);
  requireAuthorOr(world, call, issue.author.userId, "write");
  await editThread(world, call, issue);
  const base = text(body["base"]);
  if (base !== undefined && base !== pull.baseRef) {
    const sha = await revision(repository.directory, `refs/heads/${base}`);
    if (sha === undefined) throw invalid("PullRequest", { field: "base", code: "invalid" });
    Object.assign(pull, { baseRef: base, baseSha: sha });
    touch(world, issue);
  }
  const state = text(body["state"]);
  if ((state === "open" || state === "closed") && state !== issue.state) {
    if (state === "open") await checkReopen(repository, issue);
    setState(world, { issue, state, byId: sender.id });
    await emitThread(world, { repository, issue, action: state === "open" ? "reopened" : "closed", sender });
  }
  return { status: 200, facts: await pullFacts(world, repository, issue) };
}

async function checkReopen(repository: Repository, issue: Issue): Promise<void> {
  const pull = pullOf(issue);
  if (pull.mergedAt !== null)
    throw invalid("PullRequest", { field: "state", message: "The pull request is merged." });
  if ((await revision(repository.directory, `refs/heads/${pull.headRef}`)) === undefined) {
    const message = `state cannot be changed. The ${pull.headRef} branch has been deleted.`;
    throw invalid("PullRequest", { field: "state", message });
  }
}

async function requestReviewers(world: World, call: RepositoryCall): Promise<Answer> {
  const { repository } = call;
  const issue = pullIssueOf(call);
  const pull = pullOf(issue);
  let effect = false;
  for (const login of texts(call.body["reviewers"])) {
    const account = accountByLogin(world, login);
    const isMember =
      account?.id === repository.ownerId || (account !== undefined && repository.roles.has(account.id));
    if (account === undefined || !isMember) {
      throw invalid("PullRequest", {
        message:
          "Reviews may only be requested from collaborators. One or more of the users is not a collaborator.",
      });
    }
    if (account.id === issue.author.userId) {
      throw invalid("PullRequest", { message: "Review cannot be requested from pull request author." });
    }
    if (pull.reviewerIds.has(account.id)) continue;
    pull.reviewerIds.add(account.id);
    touch(world, issue);
    effect = true;
    const facts = { requested_reviewer: accountFacts(world, accountById(world, account.id)) };
    await emitThread(world, {
      repository,
      issue,
      action: "review_requested",
      sender: accountOf(call.actor),
      facts,
    });
  }
  return { status: 201, facts: pullSummary(world, repository, issue), effect };
}
