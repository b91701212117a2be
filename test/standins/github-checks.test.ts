import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { openChecksStage } from "./github-checks-stage.ts";
import type { ChecksStage } from "./github-checks-stage.ts";
import { git, names } from "./github-stage.ts";

let stage: ChecksStage["stage"];
let reader: ChecksStage["reader"];
let open: ChecksStage["open"];
let heard: ChecksStage["heard"];

beforeAll(async () => {
  ({ stage, reader, open, heard } = await openChecksStage());
});
afterAll(() => stage.close());
afterEach(async () => {
  await stage.github.drained();
  expect(stage.github.violations.splice(0)).toEqual([]);
});

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
