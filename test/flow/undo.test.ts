import { beforeEach, expect, onTestFinished, test } from "vitest";
import { inTurn, writeFiles } from "../standins/model/scenarios.ts";
import { needBwrap } from "../support/need-bwrap.ts";
import { openWorld, type World } from "../support/world.ts";
import { seeThread } from "./see-thread.ts";

let world: World;

beforeEach((context) => needBwrap(context));

async function open(): Promise<void> {
  world = await openWorld({
    scenario: inTurn(
      writeFiles({ "one.md": "one\n" }),
      writeFiles({ "two.md": "two\n" }),
      writeFiles({ "three.md": "three\n" }),
    ),
  });
  onTestFinished(() => world.close());
  await world.startWorker();
}

async function comment(issueNumber: number, body: string, count: number) {
  await world.github.as("alice").comment(world.repository, issueNumber, body);
  return world.untilReported(issueNumber, { count });
}

async function branchOf(issueNumber: number): Promise<string> {
  const { branches } = await seeThread(world, issueNumber);
  expect(branches).toHaveLength(1);
  return branches[0] ?? "";
}

const file = (ref: string, path: string) => world.github.show(world.repository, ref, path);

test("undo takes branch, sandbox and conversation back together, and the next turn goes on from there", async () => {
  await open();
  const { issueNumber } = await world.ask("/claude write the first file");
  const first = await world.untilReported(issueNumber);
  await comment(issueNumber, "/claude write the second file", 2);
  const branch = await branchOf(issueNumber);
  expect(await file(branch, "two.md")).toBe("two\n");

  const undo = await comment(issueNumber, "/claude undo", 3);
  const firstSha = first.outcome as { sha: string };
  expect(undo).toMatchObject({
    status: "completed",
    outcome: { kind: "undone", how: "reset", branch, sha: firstSha.sha },
  });
  expect(await file(branch, "two.md")).toBeUndefined();
  expect(await file(branch, "one.md")).toBe("one\n");

  const third = await comment(issueNumber, "/claude write the third file", 4);
  expect(third.outcome).toMatchObject({ kind: "published", branch });
  expect(await file(branch, "two.md")).toBeUndefined();
  expect(await file(branch, "three.md")).toBe("three\n");
  // The conversation went back as well: what the second turn was asked is not in it.
  const last = world.model.requests.at(-1)?.rawBody.toString("utf8") ?? "";
  expect(last.includes("write the first file")).toBe(true);
  expect(last.includes("write the second file")).toBe(false);
  expect((await seeThread(world, issueNumber)).pulls).toHaveLength(1);
});

test("a person's push is kept: the turn is taken back by a commit on top of it", async () => {
  await open();
  const { issueNumber } = await world.ask("/claude write the first file");
  await world.untilReported(issueNumber);
  await comment(issueNumber, "/claude write the second file", 2);
  const branch = await branchOf(issueNumber);
  const pushed = await world.github.commit(world.repository, {
    branch,
    files: { "person.md": "mine\n" },
  });
  const undo = await comment(issueNumber, "/claude undo", 3);
  expect(undo.outcome).toMatchObject({ kind: "undone", how: "revert", branch });
  expect(await file(branch, "person.md")).toBe("mine\n");
  expect(await file(branch, "two.md")).toBeUndefined();
  expect(await file(branch, "one.md")).toBe("one\n");
  expect(pushed).not.toBe((undo.outcome as { sha: string }).sha);
  const third = await comment(issueNumber, "/claude write the third file", 4);
  expect(third.outcome).toMatchObject({ kind: "published" });
  expect(await file(branch, "person.md")).toBe("mine\n");
  expect(await file(branch, "two.md")).toBeUndefined();
  expect(await file(branch, "three.md")).toBe("three\n");
});

test("the only turn is taken back by a commit, so that the pull request stays; then there is nothing left", async () => {
  await open();
  const { issueNumber } = await world.ask("/claude write the first file");
  await world.untilReported(issueNumber);
  const branch = await branchOf(issueNumber);
  const undo = await comment(issueNumber, "/claude undo 5", 2);
  expect(undo.outcome).toMatchObject({ kind: "undone", how: "revert" });
  expect(await file(branch, "one.md")).toBeUndefined();
  const { pulls } = await seeThread(world, issueNumber);
  expect(pulls.map(({ state }) => state)).toEqual(["open"]);
  const again = await comment(issueNumber, "/claude undo", 3);
  expect(again.outcome).toMatchObject({ kind: "no-changes" });
});

test("what a person pushed before a turn is not taken back with it", async () => {
  await open();
  const { issueNumber } = await world.ask("/claude write the first file");
  await world.untilReported(issueNumber);
  const branch = await branchOf(issueNumber);
  const person = await world.github.commit(world.repository, { branch, files: { "person.md": "mine\n" } });
  await comment(issueNumber, "/claude write the second file", 2);
  const undo = await comment(issueNumber, "/claude undo", 3);
  expect(undo.outcome).toMatchObject({ kind: "undone", how: "reset", sha: person });
  await comment(issueNumber, "/claude write the third file", 4);
  expect(await file(branch, "person.md")).toBe("mine\n");
  expect(await file(branch, "two.md")).toBeUndefined();
  expect(await file(branch, "three.md")).toBe("three\n");
});
