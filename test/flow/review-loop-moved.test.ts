import { expect, test } from "vitest";
import { holdBack, writeFiles } from "../standins/model/scenarios.ts";
import type { Scenario } from "../standins/model/reply.ts";
import { seeThread } from "./see-thread.ts";
import { shareWorld } from "./share-world.ts";

/** People push to the branch that the bot works on. */

const lines = (...changed: [number, string][]) =>
  Array.from({ length: 12 }, (_, at) => changed.find(([line]) => line === at)?.[1] ?? `line ${at}`).join(
    "\n",
  );

const world = shareWorld({ files: { "a.txt": lines(), "b.txt": "b\n" } });

/** An issue whose first task has been published; answers its branch. */
async function begin(first: Scenario): Promise<{ issueNumber: number; branch: string }> {
  world().model.script(first);
  const { issueNumber } = await world().ask("/claude begin");
  const task = await world().untilReported(issueNumber);
  expect(task.outcome).toMatchObject({ kind: "published" });
  const { branches } = await seeThread(world(), issueNumber);
  return { issueNumber, branch: branches[0] ?? "" };
}

/** A second task; `meanwhile` happens while its model is asked. */
async function goOn(issueNumber: number, then: Scenario, meanwhile: () => Promise<unknown>) {
  const held = holdBack(then);
  world().model.script(held.scenario);
  await world().github.as("alice").comment(world().repository, issueNumber, "/claude go on");
  await held.arrived;
  await meanwhile();
  held.release();
  return world().untilReported(issueNumber, { count: 2 });
}

const push = (branch: string, files: Record<string, string>) =>
  world().github.commit(world().repository, { branch, files, message: "by hand", by: "alice" });
const show = (branch: string, path: string) => world().github.show(world().repository, branch, path);

test("a push between two tasks is what the second one starts from", async () => {
  const { issueNumber, branch } = await begin(writeFiles({ "one.txt": "one\n" }));
  const theirs = await push(branch, { "theirs.txt": "theirs\n" });
  const task = await goOn(issueNumber, writeFiles({ "two.txt": "two\n" }), () => Promise.resolve());
  expect(task).toMatchObject({ status: "completed", outcome: { kind: "published" } });
  const [commit] = await world().github.commits(world().repository, branch);
  expect(commit?.parents).toEqual([theirs]);
  expect(await show(branch, "theirs.txt")).toBe("theirs\n");
});

test("a push during the turn: the work is carried over to it without another turn, and both stand", async () => {
  const { issueNumber, branch } = await begin(writeFiles({ "one.txt": "one\n" }));
  let theirs = "";
  const asked = world().model.requests.length;
  const task = await goOn(issueNumber, writeFiles({ "a.txt": lines([1, "ours"]) }), async () => {
    theirs = await push(branch, { "a.txt": lines([10, "theirs"]), "b.txt": "theirs\n" });
  });
  expect(task).toMatchObject({ status: "completed", outcome: { kind: "published" } });
  const [commit] = await world().github.commits(world().repository, branch);
  expect(commit?.parents).toEqual([theirs]);
  expect(await show(branch, "a.txt")).toBe(lines([1, "ours"], [10, "theirs"]));
  expect(await show(branch, "b.txt")).toBe("theirs\n");
  const receipt = task.receipt as { files: { path: string }[]; remoteSha: string };
  expect(receipt).toMatchObject({ remoteSha: commit?.sha, files: [{ path: "a.txt" }] });
  expect(world().model.requests.length - asked).toBeLessThanOrEqual(6);
});

test("the turn after it starts from both", async () => {
  const { issueNumber, branch } = await begin(writeFiles({ "one.txt": "one\n" }));
  await goOn(issueNumber, writeFiles({ "a.txt": lines([1, "ours"]) }), () =>
    push(branch, { "a.txt": lines([10, "theirs"]) }),
  );
  world().model.script(writeFiles({ "three.txt": "three\n" }));
  await world().github.as("alice").comment(world().repository, issueNumber, "/claude and on");
  expect(await world().untilReported(issueNumber, { count: 3 })).toMatchObject({ status: "completed" });
  expect(await show(branch, "a.txt")).toBe(lines([1, "ours"], [10, "theirs"]));
  expect(await show(branch, "three.txt")).toBe("three\n");
});

test("a push during the turn to the same lines: theirs stays, and the thread says which file and what to do", async () => {
  const { issueNumber, branch } = await begin(writeFiles({ "one.txt": "one\n" }));
  let theirs = "";
  const task = await goOn(issueNumber, writeFiles({ "a.txt": lines([1, "ours"]) }), async () => {
    theirs = await push(branch, { "a.txt": lines([1, "theirs"]) });
  });
  expect(task).toMatchObject({ status: "failed", outcome: { kind: "error", code: "branch-moved" } });
  expect((await world().github.branches(world().repository))[branch]).toBe(theirs);
  const said = (await seeThread(world(), issueNumber)).said.at(-1);
  expect(said).toContain("`a.txt`");
  expect(said).toContain("Write the command again");
});
