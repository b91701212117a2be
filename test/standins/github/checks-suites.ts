import { nodeId, viaFacts } from "./facts.ts";
import { repositoryFacts } from "./facts-repository.ts";
import { git } from "./git.ts";
import { readCommits } from "./git-read.ts";
import type { Json, JsonObject } from "./json.ts";
import type { Account, CheckRun, CheckSuite, Repository } from "./state.ts";
import { accountById, fullName, must, stamp } from "./world.ts";
import type { World } from "./world.ts";

type SuiteInput = {
  repository: Repository;
  appId: number;
  headSha: string;
  /** Of GitHub Actions, which has a suite for each workflow. */
  workflow?: string;
  createdAt?: string;
};

/** The suite that an App's runs on a commit belong to; it is made when there is none. */
export async function suiteFor(world: World, input: SuiteInput): Promise<CheckSuite> {
  const { repository, appId, headSha, workflow } = input;
  const find = (): CheckSuite | undefined =>
    repository.checks.suites.find(
      (suite) => suite.appId === appId && suite.headSha === headSha && suite.workflow?.name === workflow,
    );
  const known = find();
  if (known !== undefined) return known;
  const [headBranch, headCommit] = await Promise.all([
    branchOf(repository, headSha),
    commitOf(repository, headSha),
  ]);
  // Another may have made it meanwhile.
  return find() ?? addSuite(world, input, { headBranch, headCommit });
}

function addSuite(
  world: World,
  input: SuiteInput,
  head: Pick<CheckSuite, "headBranch" | "headCommit">,
): CheckSuite {
  const { repository, appId, headSha, workflow, createdAt = stamp(world) } = input;
  const suite: CheckSuite = {
    ...{ id: world.nextId("checkSuite"), appId, headSha, ...head, createdAt, updatedAt: createdAt },
    workflow: workflow === undefined ? null : newWorkflowRun(world, { repository, headSha, name: workflow }),
  };
  repository.checks.suites.push(suite);
  return suite;
}

function newWorkflowRun(world: World, input: { repository: Repository; headSha: string; name: string }) {
  const { repository, headSha, name } = input;
  const earlier = repository.checks.suites.flatMap(({ workflow }) => workflow ?? []);
  const same = earlier.filter((workflow) => workflow.name === name);
  const file = name.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
  return {
    id: world.nextId("workflowRun"),
    workflowId: same[0]?.workflowId ?? world.nextId("workflow"),
    name,
    path: `.github/workflows/${file}.yml`,
    runNumber: same.length + 1,
    actorId: repository.checks.pushes.get(headSha)?.userId ?? repository.ownerId,
  };
}

/** With which push a commit came, else the branch that it is on, the default branch before others. */
async function branchOf(repository: Repository, sha: string): Promise<string | null> {
  const pushed = repository.checks.pushes.get(sha)?.branch;
  if (pushed !== undefined) return pushed;
  const names = await branchesWith(repository, sha);
  return names.includes(repository.defaultBranch) ? repository.defaultBranch : (names[0] ?? null);
}

/** The branches of this repository that contain a commit. */
export async function branchesWith(repository: Repository, sha: string): Promise<string[]> {
  const argv = ["for-each-ref", "--format=%(refname:lstrip=2)", "--contains", sha, "refs/heads"];
  return (await git(repository.directory, argv)).toString().split("\n").filter(Boolean);
}

async function commitOf(repository: Repository, sha: string): Promise<JsonObject> {
  const commit = must((await readCommits(repository.directory, [sha, "-1"]))[0], `commit ${sha}`);
  const { author, committer } = commit;
  return {
    id: commit.sha,
    tree_id: commit.tree,
    message: commit.message,
    timestamp: committer.date,
    author: { name: author.name, email: author.email },
    committer: { name: committer.name, email: committer.email },
  };
}

/** The runs of a suite that count: of each name the newest. Oldest first. */
export function latestRuns(repository: Repository, suite: CheckSuite): CheckRun[] {
  const runs = repository.checkRuns.filter(({ suiteId }) => suiteId === suite.id);
  return [...new Map(runs.map((run) => [run.name, run])).values()];
}

// The worst first. GitHub's text says only that the highest priority wins, and that timed_out is above success and neutral.
const priorities = "failure timed_out cancelled action_required stale neutral success skipped".split(" ");

/** How a suite stands by its runs; a suite without runs is queued. */
export function suiteState(
  repository: Repository,
  suite: CheckSuite,
): { status: CheckRun["status"]; conclusion: string | null } {
  const runs = latestRuns(repository, suite);
  if (runs.every(({ status }) => status === "queued")) return { status: "queued", conclusion: null };
  if (runs.some(({ status }) => status !== "completed")) return { status: "in_progress", conclusion: null };
  const ranked = runs
    .map(({ conclusion }) => conclusion)
    .toSorted((a, b) => priorities.indexOf(a ?? "") - priorities.indexOf(b ?? ""));
  return { status: "completed", conclusion: ranked[0] ?? null };
}

/** The suite of a run, which must be there. */
export function suiteOf(repository: Repository, run: CheckRun): CheckSuite {
  return must(
    repository.checks.suites.find(({ id }) => id === run.suiteId),
    `check suite ${run.suiteId}`,
  );
}

/** The open pull requests whose head is this suite's, in the short form that checks carry; a fork's never. */
export function suitePulls(world: World, repository: Repository, suite: CheckSuite): Json {
  const api = `${world.apiUrl}/repos/${fullName(world, repository)}`;
  const repo = { id: repository.id, url: api, name: repository.name };
  return [...repository.issues.values()].flatMap((issue) => {
    const { pull } = issue;
    if (pull?.headSha !== suite.headSha || pull.headRef !== suite.headBranch) return [];
    if (issue.state !== "open" || issue.deleted) return [];
    return [
      {
        id: pull.id,
        number: issue.number,
        url: `${api}/pulls/${issue.number}`,
        head: { ref: pull.headRef, sha: pull.headSha, repo },
        base: { ref: pull.baseRef, sha: pull.baseSha, repo },
      },
    ];
  });
}

/** A check suite as the API and webhooks show it. */
export function suiteFacts(world: World, repository: Repository, suite: CheckSuite): JsonObject {
  const url = `${world.apiUrl}/repos/${fullName(world, repository)}/check-suites/${suite.id}`;
  return {
    id: suite.id,
    node_id: nodeId("CS", suite.id),
    head_branch: suite.headBranch,
    head_sha: suite.headSha,
    ...suiteState(repository, suite),
    url,
    before: null,
    after: suite.headSha,
    pull_requests: suitePulls(world, repository, suite),
    app: viaFacts(world, suite.appId),
    created_at: suite.createdAt,
    updated_at: suite.updatedAt,
    rerequestable: true,
    runs_rerequestable: suite.workflow === null,
    latest_check_runs_count: latestRuns(repository, suite).length,
    check_runs_url: `${url}/check-runs`,
    head_commit: suite.headCommit,
    repository: repositoryFacts(world, repository),
  };
}

type SuiteNews = { repository: Repository; suite: CheckSuite; action: string; sender: Account };

/** Tells of a suite: of `completed` every App that listens, of anything else only its own. */
export function emitSuite(world: World, { repository, suite, action, sender }: SuiteNews): void {
  world.emit({
    event: "check_suite",
    action,
    repository,
    sender,
    facts: { check_suite: suiteFacts(world, repository, suite) },
    ...(action === "completed" ? {} : { onlyAppId: suite.appId }),
  });
}

/** Moves a suite's time on, by a second at least: what comes after something else never has the same time. */
export function touchSuite(world: World, suite: CheckSuite): void {
  const after = new Date(new Date(suite.updatedAt).getTime() + 1000).toISOString();
  const next = `${after.slice(0, 19)}Z`;
  suite.updatedAt = next > stamp(world) ? next : stamp(world);
}

/** Who counts as the sender: with GitHub Actions whoever pushed, else the App's bot. */
export function senderOf(world: World, suite: CheckSuite): Account {
  const app = must(world.apps.get(suite.appId), `app ${suite.appId}`);
  return accountById(world, suite.workflow?.actorId ?? app.botUserId);
}
