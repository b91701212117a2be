import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { openChecksStage } from "./github-checks-stage.ts";
import type { ChecksStage } from "./github-checks-stage.ts";
import { names, refusal } from "./github-stage.ts";

let stage: ChecksStage["stage"];
let reader: ChecksStage["reader"];
let open: ChecksStage["open"];

beforeAll(async () => {
  ({ stage, reader, open } = await openChecksStage());
});
afterAll(() => stage.close());
afterEach(async () => {
  await stage.github.drained();
  expect(stage.github.violations.splice(0)).toEqual([]);
});

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
  expect(runs.data.workflow_runs.map(({ name, status, conclusion }) => [name, status, conclusion])).toEqual([
    ["CI", "completed", "success"],
    ["Nightly", "queued", null],
  ]);
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
