import { expect, test } from "vitest";
import { check, type History, type ThreadHistory } from "./check.ts";

const thread: ThreadHistory = {
  thread: "acme/widgets#1",
  said: ["done"],
  reactions: ["eyes", "rocket"],
  pulls: [{ number: 2, head: "claude/1-turn", files: ["turn.txt"], commits: 1 }],
  paidAttempts: 1,
};
const kept: History = {
  threads: [thread],
  refs: [{ repository: "acme/widgets", ref: "refs/heads/claude/1-turn", defaultBranch: "main" }],
  strayBranches: [],
  lateEffects: [],
  strayMachines: [],
};
const withThread = (changes: Partial<ThreadHistory>): History => ({
  ...kept,
  threads: [{ ...thread, ...changes }],
});
const pull = thread.pulls[0];
const pullWith = (changes: object) =>
  withThread({ pulls: pull === undefined ? [] : [{ ...pull, ...changes }] });
const refOf = (ref: string, defaultBranch = "main"): History => ({
  ...kept,
  refs: [{ repository: "acme/widgets", ref, defaultBranch }],
});

test("what keeps every promise is no violation", () => {
  expect(check(kept)).toEqual([]);
});

test.each<[string, string, History]>([
  ["P1", "a task without a last word", withThread({ reactions: ["eyes"] })],
  ["P1", "a task with two last words", withThread({ reactions: ["eyes", "rocket", "rocket"] })],
  ["P2", "a trigger without eyes", withThread({ reactions: ["rocket"] })],
  ["P2", "two status comments", withThread({ said: ["done", "done"] })],
  ["P2", "no status comment", withThread({ said: [] })],
  ["P2", "no pull request", withThread({ pulls: [] })],
  ["P2", "two pull requests", withThread({ pulls: [...thread.pulls, ...thread.pulls] })],
  ["P5", "two commits", pullWith({ commits: 2 })],
  ["P5", "nothing changed", pullWith({ files: [] })],
  ["P3", "an attempt paid for twice", withThread({ paidAttempts: 2 })],
  ["P3", "work that nobody pays for", withThread({ paidAttempts: 0 })],
  ["P4", "a push elsewhere", refOf("refs/heads/feature")],
  ["P4", "a push to the default branch", refOf("refs/heads/claude/main", "claude/main")],
  ["P4", "a tag", refOf("refs/tags/claude/1")],
  ["P2", "a branch that nobody knows", { ...kept, strayBranches: ["acme/widgets claude/1-turn-2"] }],
  ["P5", "an effect of an overtaken worker", { ...kept, lateEffects: ["issues/update-comment"] }],
  ["P2", "a machine that nobody uses", { ...kept, strayMachines: ["m1"] }],
])("%s: %s is a violation", (promise, _, history) => {
  expect(check(history).map((each) => each.promise)).toEqual([promise]);
});
