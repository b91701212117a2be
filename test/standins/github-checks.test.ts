import { Octokit } from "@octokit/rest";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { git, names, openStage, refusal, signJwt } from "./github-stage.ts";
import type { Place, Stage } from "./github-stage.ts";
import type { AppView } from "./github/makers.ts";
import type { Permissions } from "./github/state.ts";

let stage: Stage;
let watcher: AppView;
let reader: Octokit;

const reads: Permissions = {
  metadata: "read",
  contents: "read",
  pull_requests: "read",
  checks: "read",
  statuses: "read",
  actions: "read",
};

beforeAll(async () => {
  stage = await openStage();
  watcher = await stage.github.createApp({
    name: "Watcher",
    owner: "acme",
    permissions: reads,
    events: ["check_run", "check_suite", "status"],
    webhookUrl: `${stage.github.url}/nobody/hears`,
  });
  reader = await client(reads);
});
afterAll(() => stage.close());
afterEach(async () => {
  await stage.github.drained();
  expect(stage.github.violations.splice(0)).toEqual([]);
});

const installations = new Map<number, number>();

/** A client of the watching App with no more than these permissions. */
async function client(permissions: Permissions): Promise<Octokit> {
  const { github } = stage;
  const id =
    installations.get(watcher.id) ?? github.install({ app: watcher, owner: "acme", repositories: "all" }).id;
  installations.set(watcher.id, id);
  const log = { debug: quiet, info: quiet, warn: quiet, error: quiet };
  const options = { baseUrl: github.apiUrl, log };
  const app = new Octokit({ ...options, auth: signJwt({ iss: watcher.id }, watcher.privateKey) });
  const wanted = { installation_id: id, permissions };
  const { data } = await app.rest.apps.createInstallationAccessToken(wanted);
  return new Octokit({ ...options, auth: data.token });
}

const quiet = (): undefined => undefined;

/** A repository with an open pull request of its own. */
async function open(): Promise<{ place: Place; number: number; sha: string; main: string }> {
  const { github } = stage;
  const place = await stage.makeRepository();
  const [first] = await github.commits(place.full, "main");
  const sha = await github.commit(place.full, { branch: "topic", files: { "a.txt": "a\n" }, by: "alice" });
  const { number } = await github
    .as("alice")
    .openPull(place.full, { title: "Topic", head: "topic", base: "main" });
  await github.drained();
  return { place, number, sha, main: first?.sha ?? "" };
}

type Payload = {
  action?: string;
  repository: { id: number };
  sender: { login: string };
  check_run?: { name: string; check_suite: { id: number } };
  check_suite?: {
    id: number;
    conclusion: string | null;
    head_branch: string | null;
    updated_at: string;
    pull_requests: { number: number }[];
    app: { slug: string };
  };
  state?: string;
  branches?: { name: string }[];
};

/** What the watching App heard about a repository, in the order it was sent. */
async function heard(place: Place, event: string): Promise<Payload[]> {
  await stage.github.drained();
  return stage.github
    .deliveries()
    .filter((it) => it.event === event)
    .filter((it) => it.requestHeaders["X-GitHub-Hook-Installation-Target-ID"] === String(watcher.id))
    .map(({ body }) => JSON.parse(body) as Payload)
    .filter(({ repository }) => repository.id === place.id);
}

describe("check runs of others", () => {
  test("one App's runs on a commit make one suite, which ends with its last run", async () => {
    const { place, number, sha } = await open();
    const { github } = stage;
    const unit = await github.createCheck(place.full, { headSha: sha, name: "unit", app: "buildmaster" });
    const lint = await github.createCheck(place.full, { headSha: sha, name: "lint", app: "buildmaster" });
    expect(unit.suiteId).toBe(lint.suiteId);
    github.completeCheck(place.full, lint.id, { conclusion: "success" });
    expect(await heard(place, "check_suite")).toEqual([]);
    expect(
      (await reader.rest.checks.getSuite({ ...names(place), check_suite_id: unit.suiteId })).data,
    ).toMatchObject({
      status: "in_progress",
      conclusion: null,
    });
    github.completeCheck(place.full, unit.id, {
      conclusion: "timed_out",
      output: { title: "Too slow", summary: "It took an hour." },
    });
    const suites = await heard(place, "check_suite");
    expect(suites).toMatchObject([
      {
        action: "completed",
        sender: { login: "buildmaster[bot]" },
        check_suite: {
          id: unit.suiteId,
          conclusion: "timed_out",
          head_branch: "topic",
          pull_requests: [{ number }],
          app: { slug: "buildmaster" },
        },
      },
    ]);
    expect((await heard(place, "check_run")).map((it) => `${it.action} ${it.check_run?.name}`)).toEqual([
      "created unit",
      "created lint",
      "completed lint",
      "completed unit",
    ]);
    const { data } = await reader.rest.checks.listForRef({ ...names(place), ref: "topic" });
    expect(data.check_runs.map(({ name, conclusion }) => `${name} ${conclusion}`)).toEqual([
      "lint success",
      "unit timed_out",
    ]);
    expect(data.check_runs[1]).toMatchObject({
      head_sha: sha,
      check_suite: { id: unit.suiteId },
      app: { slug: "buildmaster" },
      output: { title: "Too slow", summary: "It took an hour.", annotations_count: 0 },
      pull_requests: [{ number }],
    });
  });

  test("a re-run is a second run of its name: the list gives the last, or all; the suite ends once more, later", async () => {
    const { place, sha } = await open();
    const { github } = stage;
    const failed = { headSha: sha, name: "unit", conclusion: "failure" } as const;
    const first = await github.createCheck(place.full, failed);
    await github.createCheck(place.full, { headSha: sha, name: "lint", conclusion: "skipped" });
    const again = await github.createCheck(place.full, { headSha: sha, name: "unit" });
    expect(again.suiteId).toBe(first.suiteId);
    expect(github.checkSuites(place.full).find(({ id }) => id === first.suiteId)).toMatchObject({
      app: "github-actions",
      status: "in_progress",
    });
    github.completeCheck(place.full, again.id, { conclusion: "success" });
    const list = async (filter?: "latest" | "all"): Promise<number[]> => {
      const asked = { ...names(place), ref: sha, check_name: "unit", ...(filter ? { filter } : {}) };
      return (await reader.rest.checks.listForRef(asked)).data.check_runs.map(({ id }) => id);
    };
    expect(await list()).toEqual([again.id]);
    expect(await list("latest")).toEqual([again.id]);
    expect(await list("all")).toEqual([again.id, first.id]);
    const ends = (await heard(place, "check_suite")).map(({ check_suite: suite }) => suite);
    expect(ends.map((suite) => suite?.conclusion)).toEqual(["failure", "failure", "success"]);
    expect(new Set(ends.map((suite) => suite?.updated_at)).size).toBe(3);
    // Whoever pushed is the sender of what GitHub Actions says.
    expect((await heard(place, "check_suite"))[0]?.sender.login).toBe("alice");
  });

  test("what is said of a fork's commit belongs to no branch and no pull request", async () => {
    const { place, main } = await open();
    const { github } = stage;
    const directory = github.directory(place.full);
    const made = await git(directory, "commit-tree", `${main}^{tree}`, "-p", main, "-m", "From afar");
    const foreign = made.trim();
    await git(directory, "update-ref", "refs/pull/99/head", foreign);
    const run = await github.createCheck(place.full, {
      headSha: foreign,
      name: "unit",
      conclusion: "success",
    });
    const [suite] = await heard(place, "check_suite");
    expect(suite?.check_suite).toMatchObject({ id: run.suiteId, head_branch: null, pull_requests: [] });
    const { data } = await reader.rest.checks.listForRef({ ...names(place), ref: foreign });
    expect(data.check_runs).toMatchObject([{ id: run.id, pull_requests: [] }]);
  });

  test("a branch that has moved on: the old commit's checks keep the branch, and lose the pull request", async () => {
    const { place, sha, number } = await open();
    const { github } = stage;
    const next = await github.commit(place.full, { branch: "topic", files: { "b.txt": "b\n" }, by: "bob" });
    const done = { name: "unit", conclusion: "failure" } as const;
    await github.createCheck(place.full, { headSha: sha, ...done });
    await github.createCheck(place.full, { headSha: next, ...done });
    const told = (await heard(place, "check_suite")).map(({ sender, check_suite: suite }) => [
      sender.login,
      suite?.head_branch,
      suite?.pull_requests.map((pull) => pull.number),
    ]);
    expect(told).toEqual([
      ["alice", "topic", []],
      ["bob", "topic", [number]],
    ]);
  });

  test("a pull request of another branch at the same commit is not the suite's", async () => {
    const { place, number, sha } = await open();
    const alice = stage.github.as("alice");
    await alice.api("POST", `/repos/${place.full}/git/refs`, { ref: "refs/heads/twin", sha });
    await alice.openPull(place.full, { title: "Twin", head: "twin", base: "main" });
    await stage.github.createCheck(place.full, { headSha: sha, name: "unit", conclusion: "failure" });
    const [suite] = await heard(place, "check_suite");
    expect(suite?.check_suite?.pull_requests.map((pull) => pull.number)).toEqual([number]);
  });

  test("a suite asked for again is told to its own App only", async () => {
    const { place, sha } = await open();
    const mine = await stage.asBot();
    const { data } = await mine.rest.checks.create({ ...names(place), name: "claude", head_sha: sha });
    stage.github.rerequestSuite(place.full, data.check_suite?.id ?? 0, "alice");
    expect(await heard(place, "check_suite")).toEqual([]);
  });

  test("places in the code", async () => {
    const { place, sha } = await open();
    const annotations = [
      { path: "src/add.js", line: 1, message: "Expected 3, got 1." },
      { path: "a.txt", line: 2, endLine: 3, level: "notice" as const, message: "Look", title: "Odd" },
    ];
    const run = await stage.github.createCheck(place.full, {
      ...{ headSha: sha, name: "unit", conclusion: "failure", annotations },
    });
    const asked = { ...names(place), check_run_id: run.id };
    const { data } = await reader.rest.checks.listAnnotations({ ...asked, per_page: 50 });
    expect(data).toMatchObject([
      {
        path: "src/add.js",
        start_line: 1,
        end_line: 1,
        annotation_level: "failure",
        message: "Expected 3, got 1.",
      },
      { path: "a.txt", start_line: 2, end_line: 3, annotation_level: "notice", title: "Odd" },
    ]);
    expect((await reader.rest.checks.get(asked)).data.output.annotations_count).toBe(2);
  });

  test("an App that writes checks gets an empty suite with each new commit, and is told", async () => {
    const { place, sha } = await open();
    const { data } = await reader.rest.checks.listSuitesForRef({ ...names(place), ref: sha });
    expect(data.check_suites).toMatchObject([
      {
        app: { slug: "remote-claude" },
        status: "queued",
        head_branch: "topic",
        latest_check_runs_count: 0,
        head_commit: { id: sha },
      },
    ]);
    await stage.github
      .as("alice")
      .api("POST", `/repos/${place.full}/git/refs`, { ref: "refs/heads/same", sha });
    expect(stage.github.checkSuites(place.full)).toHaveLength(1);
    // The watching App may only read checks.
    expect(await heard(place, "check_suite")).toEqual([]);
  });
});

describe("GitHub Actions", () => {
  test("a workflow's jobs are its check runs, with the same ids", async () => {
    const { place, sha } = await open();
    const { github } = stage;
    const about = await github.createSuite(place.full, { headSha: sha, workflow: "Nightly" });
    expect(about).toMatchObject({ status: "queued", app: "github-actions", headBranch: "topic" });
    const unit = await github.createCheck(place.full, { headSha: sha, name: "unit", conclusion: "failure" });
    const lint = await github.createCheck(place.full, { headSha: sha, name: "lint", conclusion: "success" });
    const again = await github.createCheck(place.full, { headSha: sha, name: "unit", conclusion: "success" });
    expect(unit.suiteId).not.toBe(about.id);
    const runs = await reader.rest.actions.listWorkflowRunsForRepo({ ...names(place), head_sha: sha });
    expect(runs.data.workflow_runs.map(({ name, status, conclusion }) => [name, status, conclusion])).toEqual(
      [
        ["CI", "completed", "success"],
        ["Nightly", "queued", null],
      ],
    );
    const [ci] = runs.data.workflow_runs;
    expect(ci).toMatchObject({ check_suite_id: unit.suiteId, run_attempt: 2, event: "pull_request" });
    const jobs = { ...names(place), run_id: ci?.id ?? 0 };
    const latest = await reader.rest.actions.listJobsForWorkflowRun(jobs);
    expect(latest.data.jobs.map(({ id }) => id).sort()).toEqual([lint.id, again.id].sort());
    const all = await reader.rest.actions.listJobsForWorkflowRun({ ...jobs, filter: "all" });
    expect(all.data.total_count).toBe(3);
    const job = await reader.rest.actions.getJobForWorkflowRun({ ...names(place), job_id: again.id });
    expect(job.data).toMatchObject({ name: "unit", run_attempt: 2, workflow_name: "CI", run_id: ci?.id });
    const failed = await reader.rest.actions.listWorkflowRunsForRepo({ ...names(place), status: "failure" });
    expect(failed.data.total_count).toBe(0);
  });

  test("a job's log lies behind a signed address that takes no credential", async () => {
    const { place, sha } = await open();
    const { github } = stage;
    const log = "npm test\n##[error]Process completed with exit code 1.\n";
    const run = await github.createCheck(place.full, {
      headSha: sha,
      name: "unit",
      conclusion: "failure",
      log,
    });
    const asked = { ...names(place), job_id: run.id, request: { redirect: "manual" as const } };
    const answer = await reader.rest.actions.downloadJobLogsForWorkflowRun(asked);
    const address = answer.headers.location ?? "";
    expect(answer.status).toBe(302);
    const lines = (await (await fetch(address)).text()).split("\n");
    expect(lines[1]).toMatch(
      /^\d{4}-\d\d-\d\dT[\d:]+\.\d{7}Z ##\[error\]Process completed with exit code 1\.$/,
    );
    expect((await fetch(address, { headers: { authorization: "token ghs_x" } })).status).toBe(400);
    expect(github.violations.splice(0)).toEqual([
      "actions/log-storage: a signed address was asked with an Authorization header",
    ]);
    expect((await fetch(address.replace(/sig=.*/, "sig=guess"))).status).toBe(403);
    github.faults.add({ operationId: "actions/log-storage", when: "before", status: 500 });
    expect((await fetch(address)).status).toBe(500);
    github.expireLog(place.full, run.id);
    expect(await refusal(reader.rest.actions.downloadJobLogsForWorkflowRun(asked))).toBe("410 Gone");
    const silent = await github.createCheck(place.full, { headSha: sha, name: "lint" });
    const other = await github.createCheck(place.full, { headSha: sha, name: "deploy", app: "buildmaster" });
    for (const { id } of [silent, other]) {
      const missing = reader.rest.actions.downloadJobLogsForWorkflowRun({ ...names(place), job_id: id });
      expect(await refusal(missing)).toBe("404 Not Found");
    }
  });
});

describe("commit statuses", () => {
  test("the newest of each context counts; every one is told with the branches that hold the commit", async () => {
    const { place, sha, main } = await open();
    const { github } = stage;
    const combined = async (ref: string): Promise<[string, number]> => {
      const { data } = await reader.rest.repos.getCombinedStatusForRef({ ...names(place), ref });
      return [data.state, data.total_count];
    };
    expect(await combined("topic")).toEqual(["pending", 0]);
    await github.setStatus(place.full, sha, { context: "ci/build", state: "pending" });
    const bad = { context: "ci/build", state: "failure", description: "1 of 9", by: "alice" } as const;
    await github.setStatus(place.full, sha, { ...bad, targetUrl: "https://ci.example.com/1" });
    await github.setStatus(place.full, sha, { context: "ci/docs", state: "success" });
    expect(await combined("topic")).toEqual(["failure", 2]);
    expect(await combined(main)).toEqual(["pending", 0]);
    const { data } = await reader.rest.repos.listCommitStatusesForRef({ ...names(place), ref: sha });
    expect(data.map(({ context, state }) => `${context} ${state}`)).toEqual([
      "ci/docs success",
      "ci/build failure",
      "ci/build pending",
    ]);
    expect(data[1]).toMatchObject({
      target_url: "https://ci.example.com/1",
      description: "1 of 9",
      creator: { login: "alice" },
    });
    const told = await heard(place, "status");
    expect(told.map(({ state }) => state)).toEqual(["pending", "failure", "success"]);
    expect(told[0]?.branches?.map(({ name }) => name)).toEqual(["topic"]);
    const author = { name: "claude[bot]", email: "1+claude[bot]@users.noreply.github.com" };
    const bots = await github.commit(place.full, { branch: "bots", files: { "c.txt": "c\n" }, author });
    await github.setStatus(place.full, bots, { state: "success" });
    await github.createCheck(place.full, { headSha: bots, name: "unit", conclusion: "success" });
    await github.setStatus(place.full, main, { state: "success" });
    const branches = (await heard(place, "status")).at(-1)?.branches?.map(({ name }) => name);
    expect(branches).toEqual(["bots", "main", "topic"]);
  });

  test("people who may write set them too", async () => {
    const { place, sha } = await open();
    const path = `/repos/${place.full}/statuses/${sha}`;
    expect((await stage.github.as("mallory").api("POST", path, { state: "success" })).status).toBe(403);
    const done = await stage.github.as("alice").api("POST", path, { state: "error", context: "ci/x" });
    expect(done.body).toMatchObject({ state: "error", context: "ci/x", creator: { login: "alice" } });
    const nowhere = `/repos/${place.full}/statuses/${"0".repeat(40)}`;
    expect((await stage.github.as("alice").api("POST", nowhere, { state: "error" })).status).toBe(422);
  });
});

test("the pull requests of a commit: open ones of a branch, the merged one of the default branch", async () => {
  const { place, number, sha, main } = await open();
  const list = async (commit_sha: string): Promise<number[]> => {
    const asked = { ...names(place), commit_sha };
    const { data } = await reader.rest.repos.listPullRequestsAssociatedWithCommit(asked);
    return data.map((pull) => pull.number);
  };
  expect(await list(sha)).toEqual([number]);
  expect(await list(main)).toEqual([]);
  await stage.github.as("alice").merge(place.full, number);
  expect(await list("main")).toEqual([number]);
});

test("each family needs its own permission", async () => {
  const { place, sha } = await open();
  const run = await stage.github.createCheck(place.full, {
    headSha: sha,
    name: "unit",
    conclusion: "failure",
    log: "x",
  });
  const at = { ...names(place), ref: sha };
  const asks: [string, (bot: Octokit) => Promise<unknown>][] = [
    ["checks", (bot) => bot.rest.checks.listForRef(at)],
    ["checks", (bot) => bot.rest.checks.listSuitesForRef(at)],
    ["checks", (bot) => bot.rest.checks.listAnnotations({ ...names(place), check_run_id: run.id })],
    ["statuses", (bot) => bot.rest.repos.getCombinedStatusForRef(at)],
    ["statuses", (bot) => bot.rest.repos.listCommitStatusesForRef(at)],
    ["actions", (bot) => bot.rest.actions.listWorkflowRunsForRepo(names(place))],
    ["actions", (bot) => bot.rest.actions.getJobForWorkflowRun({ ...names(place), job_id: run.id })],
    [
      "actions",
      (bot) =>
        bot.rest.actions.downloadJobLogsForWorkflowRun({
          ...{ ...names(place), job_id: run.id, request: { redirect: "manual" as const } },
        }),
    ],
  ];
  for (const [permission, ask] of asks) {
    const others = Object.entries(reads).filter(([name]) => name !== permission);
    const without = await client(Object.fromEntries(others));
    expect(await refusal(ask(without))).toBe("403 Resource not accessible by integration");
    expect(await refusal(ask(await client({ metadata: "read", [permission]: "read" })))).toBe("not refused");
  }
  const writes = reader.rest.repos.createCommitStatus({ ...names(place), sha, state: "success" });
  expect(await refusal(writes)).toBe("403 Resource not accessible by integration");
});
