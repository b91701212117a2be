import { beforeEach, expect, onTestFinished, test } from "vitest";
import { changeNothing, inTurn, writeFiles } from "../standins/model/scenarios.ts";
import type { Scenario } from "../standins/model/reply.ts";
import { needBwrap } from "../support/need-bwrap.ts";
import { openWorld, type World } from "../support/world.ts";
import { seeThread } from "./see-thread.ts";

let world: World;

beforeEach((context) => needBwrap(context));

async function open(
  second: Scenario,
  files: Record<string, string> = {},
): Promise<{ issueNumber: number; branch: string }> {
  world = await openWorld({
    files: { "a.txt": "old\n", ...files },
    scenario: inTurn(writeFiles({ "a.txt": "ours\n" }), second, writeFiles({ "later.md": "later\n" })),
  });
  onTestFinished(() => world.close());
  await world.startWorker();
  const { issueNumber } = await world.ask("/claude write ours into a.txt");
  await world.untilReported(issueNumber);
  const [branch = ""] = (await seeThread(world, issueNumber)).branches;
  return { issueNumber, branch };
}

async function command(issueNumber: number, body: string, count: number) {
  await world.github.as("alice").comment(world.repository, issueNumber, body);
  return world.untilReported(issueNumber, { count });
}

const show = (ref: string, path: string) => world.github.show(world.repository, ref, path);
const onMain = (files: Record<string, string>) =>
  world.github.commit(world.repository, { branch: "main", files });
const headOf = async (branch: string) => (await world.github.branches(world.repository))[branch];

test("the branch comes onto its base, and the thread says what GitHub says of it", async () => {
  const { issueNumber, branch } = await open(changeNothing());
  expect((await command(issueNumber, "/claude rebase", 2)).outcome).toMatchObject({ kind: "up-to-date" });
  const base = await onMain({ "b.txt": "from main\n" });
  const { outcome } = await command(issueNumber, "/claude rebase", 3);
  const { said, pulls } = await seeThread(world, issueNumber);
  expect(outcome).toMatchObject({ kind: "rebased", onto: "main", branch, conflicts: [], mergeable: true });
  expect(await show(branch, "b.txt")).toBe("from main\n");
  expect(await show(branch, "a.txt")).toBe("ours\n");
  const [tip, below] = await world.github.commits(world.repository, branch);
  expect(tip?.message).toContain("Remote-Claude-Task");
  expect(below?.sha).toBe(base);
  expect(said.at(-1)).toContain("GitHub says that it can be merged");
  expect(pulls).toHaveLength(1);
  await world.github.as("alice").comment(world.repository, issueNumber, "/claude status");
  await world.until("the status names what was pushed", async () =>
    (await seeThread(world, issueNumber)).said.some((body) =>
      body.includes(` at \`${tip?.sha.slice(0, 12)}\``),
    ),
  );
  // No model was needed for it, and the next turn goes on from there.
  expect((await command(issueNumber, "/claude write later.md", 4)).outcome).toMatchObject({
    kind: "no-changes",
  });
  expect(await show(branch, "b.txt")).toBe("from main\n");
});

test("Claude resolves what collides, and the next turn stands on the result", async () => {
  const { issueNumber, branch } = await open(writeFiles({ "a.txt": "both\n" }));
  await onMain({ "a.txt": "theirs\n" });
  const { outcome } = await command(issueNumber, "/claude rebase", 2);
  expect(outcome).toMatchObject({ kind: "rebased", conflicts: ["a.txt"], mergeable: true });
  expect(await show(branch, "a.txt")).toBe("both\n");
  expect((await seeThread(world, issueNumber)).said.at(-1)).toContain("a.txt");
  await command(issueNumber, "/claude write later.md", 3);
  expect(await show(branch, "a.txt")).toBe("both\n");
  expect(await show(branch, "later.md")).toBe("later\n");
});

test("protected files stay as they are when Claude resolves conflicts", async () => {
  const { issueNumber, branch } = await open(
    writeFiles({
      ...{ "a.txt": "both\n", "infra/main.tf": "sneaked in\n" },
      ".github/remote-claude.yml": "setup: []\n",
    }),
    { ".github/remote-claude.yml": "protected_paths: [infra/]\n", "infra/main.tf": "kept\n" },
  );
  await onMain({ "a.txt": "theirs\n" });
  const { outcome } = await command(issueNumber, "/claude rebase", 2);
  expect(outcome).toMatchObject({ kind: "rebased", conflicts: ["a.txt"] });
  expect(await show(branch, "a.txt")).toBe("both\n");
  expect(await show(branch, "infra/main.tf")).toBe("kept\n");
  expect(await show(branch, ".github/remote-claude.yml")).toBe("protected_paths: [infra/]\n");
});

test("conflicts that are left push nothing", async () => {
  const { issueNumber, branch } = await open(changeNothing());
  const before = await headOf(branch);
  await onMain({ "a.txt": "theirs\n" });
  const { outcome } = await command(issueNumber, "/claude rebase", 2);
  expect(outcome).toMatchObject({ kind: "error", code: "conflicts-left" });
  expect(await headOf(branch)).toBe(before);
});
