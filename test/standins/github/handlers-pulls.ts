import { reaches } from "./access.ts";
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
  teamFacts,
} from "./facts-pulls.ts";
import { headLabel, networkOf } from "./forks.ts";
import { fetchRef, revision } from "./git.ts";
import { readCommits, readDiff } from "./git-read.ts";
import { editThread, newIssue } from "./handlers-issues.ts";
import { HttpError, invalid, notAccessible } from "./http-error.ts";
import { inWords, text, texts } from "./json.ts";
import { checkBody, checkTitle, requireAuthorOr } from "./limits.ts";
import { mergePull } from "./merge.ts";
import { computeMergeability } from "./mergeability.ts";
import { bringHead, refuseSecond, retarget, setPullState } from "./pull-changes.ts";
import { atLeast, roleOf } from "./roles.ts";
import type { Account, Issue, Pull, Repository } from "./state.ts";
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
    const facts = await pullFacts(world, call.repository, issue);
    if (issue.state === "open") await computeMergeability(call.repository, pullOf(issue));
    return { status: 200, facts };
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
  const head = headOf(world, call);
  const title = text(body["title"]);
  if (title === undefined) throw invalid("PullRequest", { code: "missing_field", field: "title" });
  checkTitle("PullRequest", title);
  checkBody("PullRequest", text(body["body"]), false);
  return await world.exclusively(repository.id, async () => {
    const sides = await sidesOf(repository, { ...head, base: text(body["base"]) ?? "" });
    refuseSecond(world, repository, sides);
    const pull: Pull = {
      id: world.nextId("pull"),
      draft: body["draft"] === true,
      ...sides,
      mergedAt: null,
      mergedBy: null,
      mergeSha: null,
      // GitHub asks it of pull requests from forks only, and takes yes for granted there.
      maintainerCanModify: head.repository !== repository && body["maintainer_can_modify"] !== false,
      mergeability: null,
      reviewerIds: new Set(),
      reviewerTeams: new Set(),
      reviews: [],
      comments: [],
    };
    const issue = newIssue(world, call, { title, body: text(body["body"]) ?? null, pull });
    await bringHead(repository, { issue, head: head.repository });
    await emitThread(world, { repository, issue, action: "opened", sender: accountOf(call.actor) });
    const facts = await pullFacts(world, repository, issue);
    return { status: 201, facts, headers: { location: inWords(facts["url"]) } };
  });
}

/** The branch that the call names as its head, `branch` or `owner:branch` of the network, which the caller must be able to write to. */
function headOf(world: World, call: RepositoryCall): { repository: Repository; branch: string } {
  const { repository } = call;
  const [branch = "", login] = (text(call.body["head"]) ?? "").split(":", 2).toReversed();
  const owner = login ?? ownerOf(world, repository).login;
  const named = text(call.body["head_repo"]);
  const head = networkOf(world, repository).find(
    (each) =>
      ownerOf(world, each).login.toLowerCase() === owner.toLowerCase() &&
      (named === undefined || each.name.toLowerCase() === named.toLowerCase()),
  );
  if (head === undefined) throw invalid("PullRequest", { field: "head", code: "invalid" });
  requireWrite(world, call, head);
  return { repository: head, branch };
}

function requireWrite(world: World, call: RepositoryCall, head: Repository): void {
  const { actor } = call;
  if (actor.kind === "installation") {
    if (!reaches(head, actor)) throw notAccessible("contents=write");
  } else if (!atLeast(roleOf(world, head, accountOf(actor)), "write")) {
    throw new HttpError(403, "Must have write rights to Repository.");
  }
}

type Sides = Pick<Pull, "headRef" | "headSha" | "headRepositoryId" | "headOwnerId" | "baseRef" | "baseSha">;

async function sidesOf(
  repository: Repository,
  names: { repository: Repository; branch: string; base: string },
): Promise<Sides> {
  const { repository: head, branch: headRef, base: baseRef } = names;
  const ref = `refs/heads/${headRef}`;
  const headSha = headRef === "" ? undefined : await revision(head.directory, ref);
  if (headSha === undefined) throw invalid("PullRequest", { field: "head", code: "invalid" });
  const baseSha = await revision(repository.directory, `refs/heads/${baseRef}`);
  if (baseSha === undefined) throw invalid("PullRequest", { field: "base", code: "invalid" });
  if (head !== repository) await fetchRef(repository.directory, { from: head.directory, ref });
  const ahead = await readCommits(repository.directory, [`${baseSha}..${headSha}`, "-1"]);
  if (ahead.length === 0) {
    throw invalid("PullRequest", { message: `No commits between ${baseRef} and ${headRef}` });
  }
  return { headRef, headSha, headRepositoryId: head.id, headOwnerId: head.ownerId, baseRef, baseSha };
}

function listPulls(world: World, call: RepositoryCall): Answer {
  const { query, repository } = call;
  const state = text(query["state"]) ?? "open";
  const base = text(query["base"]);
  const items = [...repository.issues.values()]
    .filter((issue) => issue.pull !== null && (state === "all" || issue.state === state))
    .filter(({ pull }) => base === undefined || pull?.baseRef === base)
    .filter((issue) => headMatches(world, text(query["head"]), pullOf(issue)))
    .toSorted((a, b) => b.number - a.number);
  if (query["direction"] === "asc") items.reverse();
  return page(world, call, { items, facts: (issue) => pullSummary(world, repository, issue) });
}

// GitHub ignores a head filter that names no owner.
function headMatches(world: World, wanted: string | undefined, pull: Pull): boolean {
  if (wanted?.includes(":") !== true) return true;
  return wanted.toLowerCase() === headLabel(world, pull).toLowerCase();
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
    await retarget(world, { repository, issue, sender, base });
  }
  const mayModify = body["maintainer_can_modify"];
  if (typeof mayModify === "boolean" && pull.headRepositoryId !== repository.id)
    pull.maintainerCanModify = mayModify;
  const state = text(body["state"]);
  if (state === "open" || state === "closed") await setPullState(world, { repository, issue, sender, state });
  return { status: 200, facts: await pullFacts(world, repository, issue) };
}

/** All of them, or none: GitHub refuses a request as a whole. */
async function requestReviewers(world: World, call: RepositoryCall): Promise<Answer> {
  const { repository } = call;
  const issue = pullIssueOf(call);
  const pull = pullOf(issue);
  const people = texts(call.body["reviewers"]).map((login) => reviewerOf(world, call, { issue, login }));
  const teams = texts(call.body["team_reviewers"]);
  if (teams.some((slug) => !repository.teams.has(slug))) {
    throw new HttpError(
      422,
      "Reviews may only be requested from collaborators. One or more of the teams you specified is not a collaborator of the repository.",
    );
  }
  const news = [
    ...people
      .filter(({ id }) => !pull.reviewerIds.has(id))
      .map(({ id }) => ({ requested_reviewer: accountFacts(world, accountById(world, id)) })),
    ...teams
      .filter((slug) => !pull.reviewerTeams.has(slug))
      .map((slug) => ({ requested_team: teamFacts(world, repository, slug) })),
  ];
  for (const { id } of people) pull.reviewerIds.add(id);
  for (const slug of teams) pull.reviewerTeams.add(slug);
  if (news.length > 0) touch(world, issue);
  const sender = accountOf(call.actor);
  for (const facts of news)
    await emitThread(world, { repository, issue, action: "review_requested", sender, facts });
  return { status: 201, facts: pullSummary(world, repository, issue), effect: news.length > 0 };
}

function reviewerOf(world: World, call: RepositoryCall, input: { issue: Issue; login: string }): Account {
  const { repository } = call;
  const account = accountByLogin(world, input.login);
  if (account === undefined || (account.id !== repository.ownerId && !repository.roles.has(account.id))) {
    throw new HttpError(
      422,
      "Reviews may only be requested from collaborators. One or more of the users or teams you specified is not a collaborator of the repository.",
    );
  }
  if (account.id === input.issue.author.userId)
    throw new HttpError(422, "Review cannot be requested from pull request author.");
  return account;
}
