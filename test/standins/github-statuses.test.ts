import type { Octokit } from "@octokit/rest";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { openChecksStage, reads } from "./github-checks-stage.ts";
import type { ChecksStage } from "./github-checks-stage.ts";
import { names, refusal } from "./github-stage.ts";

let stage: ChecksStage["stage"];
let reader: ChecksStage["reader"];
let client: ChecksStage["client"];
let open: ChecksStage["open"];
let heard: ChecksStage["heard"];

beforeAll(async () => {
  ({ stage, reader, client, open, heard } = await openChecksStage());
});
afterAll(() => stage.close());
afterEach(async () => {
  await stage.github.drained();
  expect(stage.github.violations.splice(0)).toEqual([]);
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
