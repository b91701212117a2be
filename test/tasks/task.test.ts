import { describe, expect, test } from "vitest";
import { task } from "../../db/schema.ts";
import { canMove, isOpen, isTerminal, taskStatuses } from "../../src/tasks/task.ts";

const terminal = ["completed", "failed", "cancelled", "timeout"];

test("the words are the database's", () => {
  expect(taskStatuses).toEqual(task.status.enumValues);
});

describe.each(taskStatuses)("%s", (status) => {
  test("is either open or the end", () => {
    expect([isTerminal(status), isOpen(status)]).toEqual([
      terminal.includes(status),
      !terminal.includes(status),
    ]);
  });

  test("leads to an end, or is one and leads nowhere", () => {
    const next = taskStatuses.filter((to) => canMove(status, to));
    if (isTerminal(status)) expect(next).toEqual([]);
    else expect(next).toEqual(expect.arrayContaining(["cancelled", "failed"]));
  });
});

test.each([
  ["queued", "running"],
  ["queued", "completed"],
  ["waiting", "running"],
  ["completed", "queued"],
] as const)("no way from %s to %s", (from, to) => {
  expect(canMove(from, to)).toBe(false);
});
