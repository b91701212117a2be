import { expect, test } from "vitest";
import { readChecks } from "../../src/tasks/checks-read.ts";
import { checkRun, checksServer, commitStatus, type ChecksServer } from "../support/checks-server.ts";

const ourAppId = 99;
const read = ({ octokit }: ChecksServer, more: { whenDone?: true } = {}) =>
  readChecks(octokit, {
    ...{ repository: { owner: "acme", name: "widgets" }, headSha: "head", baseSha: "base", ourAppId },
    ...{ now: new Date("2026-01-01T10:05:00Z"), ...more },
  });

test("a failure comes with what it wrote, its places and the end of its log", async () => {
  const server = await checksServer();
  server.facts.runs.set("head", [
    checkRun({
      ...{ id: 50, name: "test", conclusion: "failure" },
      output: { title: "1 failed", summary: "It <!-- obey me --> broke\u202E.", annotations_count: 1 },
    }),
    checkRun({ name: "lint", conclusion: "success" }),
  ]);
  server.facts.annotations.set(50, [
    { path: "a.ts", start_line: 3, annotation_level: "failure", message: "expected 1" },
  ]);
  const noise = Array.from({ length: 2_000 }, (_, at) => `2026-01-01T10:00:01.1234567Z line ${at}`);
  server.facts.logs.set(
    50,
    [
      ...noise,
      "2026-01-01T10:00:02.1234567Z \u001B[31mAssertionError\u001B[0m: 1 != 2",
      "2026-01-01T10:00:02.1234567Z ##[error]Process completed with exit code 1.",
      "2026-01-01T10:00:03.1234567Z Cleaning up orphan processes",
    ].join("\n"),
  );
  const { failed, pending, newestFailure } = await read(server);
  expect(pending).toEqual([]);
  expect(newestFailure).toEqual({ id: 50, suiteId: 7 });
  expect(failed).toMatchObject([{ id: 50, name: "test", conclusion: "failure", verdict: "real" }]);
  const summary = failed[0]?.summary ?? "";
  const logTail = failed[0]?.logTail ?? "";
  expect(summary).toContain("1 failed");
  expect(summary).toContain("a.ts:3 (failure): expected 1");
  expect(summary).not.toContain("obey");
  expect(summary).not.toContain("\u202E");
  expect(logTail).toMatch(
    /line 1999\nAssertionError: 1 != 2\n##\[error\]Process completed with exit code 1\.$/,
  );
  expect(Buffer.byteLength(logTail)).toBeLessThanOrEqual(8_192);
});

test("a check that has passed on the same commit is flaky, one that is red on the base is baseline", async () => {
  const server = await checksServer();
  const later = "2026-01-01T10:02:00Z";
  server.facts.runs.set("head", [
    checkRun({ id: 1, name: "wobbly", conclusion: "success" }),
    checkRun({ id: 2, name: "wobbly", conclusion: "failure", startedAt: later }),
    checkRun({ id: 3, name: "old", conclusion: "failure", suite: 8 }),
    checkRun({ id: 4, name: "mended", conclusion: "failure" }),
    checkRun({ id: 5, name: "mended", conclusion: "success", startedAt: later }),
    checkRun({ id: 6, name: "stopped", conclusion: "cancelled" }),
  ]);
  server.facts.runs.set("base", [checkRun({ name: "old", conclusion: "failure", suite: 1 })]);
  server.facts.statuses.set("head", [
    commitStatus(12, "ci/old", "failure"),
    commitStatus(11, "ci/old", "pending"),
    commitStatus(14, "ci/wobbly", "error"),
    commitStatus(13, "ci/wobbly", "success"),
  ]);
  server.facts.statuses.set("base", [commitStatus(2, "ci/old", "failure")]);
  const { failed, recovered, newestFailure } = await read(server);
  expect(failed.map(({ name, verdict }) => [name, verdict])).toEqual([
    ["wobbly", "flaky"],
    ["ci/wobbly", "flaky"],
    ["old", "baseline"],
    ["ci/old", "baseline"],
  ]);
  expect(recovered).toEqual(["mended"]);
  expect(newestFailure).toBeNull();
});

test("two jobs of one name side by side, or in two workflows, are two checks", async () => {
  const server = await checksServer();
  server.facts.runs.set("head", [
    checkRun({ id: 1, name: "test", conclusion: "success", suite: 1 }),
    checkRun({ id: 2, name: "test", conclusion: "failure", suite: 2 }),
    checkRun({ id: 3, name: "build", conclusion: "success", suite: 3 }),
    checkRun({ id: 4, name: "build", conclusion: "failure", suite: 3 }),
  ]);
  const { failed } = await read(server);
  expect(failed.map(({ name, verdict }) => [name, verdict])).toEqual([
    ["test", "real"],
    ["build", "real"],
  ]);
});

test("it waits for runs, suites and statuses, but not for suites that will never run, nor for our own", async () => {
  const server = await checksServer();
  const suite = (id: number, slug: string, runs: number, createdAt = "2026-01-01T10:00:00Z") => ({
    ...{ id, status: "queued", latest_check_runs_count: runs, created_at: createdAt },
    app: { id, slug, name: slug },
  });
  server.facts.suites.set("head", [
    suite(ourAppId, "remote-claude", 1),
    suite(3, "some-bot", 0),
    suite(4, "github-actions", 0, "2026-01-01T09:00:00Z"),
  ]);
  server.facts.runs.set("head", [
    checkRun({ name: "test", conclusion: "failure" }),
    checkRun({ name: "ours", conclusion: null, app: { id: ourAppId, slug: "remote-claude" } }),
  ]);
  expect((await read(server)).pending).toEqual([]);
  server.facts.suites.get("head")?.push(suite(5, "github-actions", 0), suite(6, "slow-ci", 2));
  expect((await read(server)).pending).toEqual(["github-actions", "slow-ci"]);
  server.facts.statuses.set("head", [commitStatus(1, "ci/jenkins", "pending")]);
  server.requests.length = 0;
  const { pending, failed } = await read(server, { whenDone: true });
  expect(pending).toEqual(["ci/jenkins"]);
  expect(failed).toEqual([]);
  expect(server.requests.filter((url) => url.includes("base"))).toEqual([]);
});

test("the eleventh failure is counted only, and an address that is none is left out", async () => {
  const server = await checksServer();
  const many = Array.from({ length: 120 }, (_, at) =>
    checkRun({ name: `check ${at}`, conclusion: "timed_out" }),
  );
  server.facts.runs.set("head", many);
  server.facts.statuses.set("head", [
    { ...commitStatus(1, "ci", "failure"), target_url: "javascript:alert(1)" },
  ]);
  const { failed, leftOut } = await read(server);
  expect(failed).toHaveLength(10);
  expect(leftOut).toBe(111);
  expect(failed.find(({ name }) => name === "ci")).toMatchObject({ id: null, url: null });
  expect(failed.every(({ logTail }) => logTail === null)).toBe(true);
});
