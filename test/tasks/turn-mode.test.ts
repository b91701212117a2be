import { expect, test } from "vitest";
import { turnMode } from "../../src/tasks/turn-mode.ts";

type Input = Parameters<typeof turnMode>[0];

const modeOf = (verb: string, writes: string, approved: boolean | null = null) =>
  turnMode({
    task: { verb, answer: approved === null ? null : { kind: "plan", approved } },
    session: { writes },
  } as unknown as Input);

test.each<[string, string, boolean | null, boolean, boolean]>([
  ["implement", "own-branch", null, true, true],
  ["fix-ci", "pull-head", null, true, true],
  ["rebase", "own-branch", null, true, true],
  ["plan", "own-branch", true, true, true],
  ["plan", "own-branch", null, true, false],
  ["plan", "own-branch", false, true, false],
  ["ask", "own-branch", null, true, false],
  ["review", "own-branch", null, false, false],
  ["ask", "nothing", null, false, false],
])("%s on %s, approved %s: setup %s, tests %s", (verb, writes, approved, runsSetup, runsTests) => {
  expect(modeOf(verb, writes, approved)).toMatchObject({ runsSetup, runsTests });
});
