import { uuidv7 } from "uuidv7";
import { expect, test } from "vitest";
import { task } from "../../db/schema.ts";
import { byWord, writeFiles } from "../standins/model/scenarios.ts";
import type { TaskRow } from "../support/world.ts";
import { seeThread } from "./see-thread.ts";
import { shareWorld } from "./share-world.ts";

/** What becomes of a pull request of ours when something is merged into its base. */

const outcomes: string[] = [];
let round = 0;
const world = shareWorld({
  files: { "a.txt": "old\n", "b.txt": "old\n" },
  scenario: byWord({
    "write-a": writeFiles({ "a.txt": "ours\n" }),
    "write-b": writeFiles({ "b.txt": "ours\n" }),
    // What collides is resolved.
    conflict: (call) => writeFiles({ "a.txt": `both ${round}\n` })(call),
  }),
  env: { LOG_LEVEL: "info" },
  logTo: {
    write(line) {
      const { outcome, msg } = JSON.parse(line) as Record<string, unknown>;
      if (msg === "conflict looked for" && typeof outcome === "string") outcomes.push(outcome);
    },
  },
});

/** alice merges a pull request of her own that changes a file. */
async function merge(file: string, text: string): Promise<void> {
  const { github, repository } = world();
  const branch = `people-${++round}`;
  await github.commit(repository, { branch, from: "main", files: { [file]: text } });
  const { number } = await github
    .as("alice")
    .openPull(repository, { title: branch, head: branch, base: "main" });
  await github.as("alice").merge(repository, number);
}

const rebases = async (issueNumber: number): Promise<TaskRow[]> =>
  (await world().tasks()).filter(
    ({ trigger, sessionId }) => trigger === "conflict" && sessionId === sessionOf.get(issueNumber),
  );
const sessionOf = new Map<number, string>();

async function ourPull(command: string) {
  const { issueNumber } = await world().ask(command);
  const { sessionId } = await world().untilReported(issueNumber);
  sessionOf.set(issueNumber, sessionId);
  const [pull] = (await seeThread(world(), issueNumber)).pulls;
  if (pull === undefined) throw new Error("the task made no pull request");
  return { issueNumber, branch: pull.head, number: pull.number };
}

const looked = (count: number) =>
  world().until(`${count} looks for a conflict`, () => Promise.resolve(outcomes.length >= count));

test("what is merged into its base has a pull request of ours rebased unasked where they collide, until a note says that it is enough", async () => {
  const { github, repository, database } = world();
  const ours = await ourPull("/claude write-a");
  const quiet = await ourPull("/claude write-b");
  await merge("a.txt", "theirs\n");
  const done = await world().until("the rebase is reported", async () =>
    (await rebases(ours.issueNumber)).find(({ reportedAt }) => reportedAt !== null),
  );
  expect(done).toMatchObject({ verb: "rebase", requesterLogin: "alice", status: "completed" });
  expect(done.outcome).toMatchObject({ kind: "rebased", conflicts: ["a.txt"], mergeable: true });
  const status = github.comments(repository, ours.number).map(({ body }) => body);
  expect(status.find((body) => body.includes(`remote-claude:task:${done.id}`))).toContain(
    "`main` has moved on and collides with this branch",
  );
  await looked(2);
  // The other one, which does not collide, was looked at too.
  expect(outcomes.toSorted()).toEqual(["mergeable", "rebase-started"]);
  expect(await rebases(quiet.issueNumber)).toEqual([]);

  // As if that had been the third in a row.
  for (const nth of [2, 3])
    await database.database.system
      .insert(task)
      .values({ ...done, id: uuidv7(), businessKey: `conflict:${done.sessionId}:${nth}` });
  await merge("a.txt", "theirs at last\n");
  await looked(4);
  expect(outcomes.toSorted().slice(-1)).toEqual(["stopped"]);
  expect(await rebases(ours.issueNumber)).toHaveLength(3);
  const notes = github
    .comments(repository, ours.number)
    .filter(({ body }) => body.includes("<!-- remote-claude:conflict-stop:"));
  expect(notes).toHaveLength(1);
  expect(notes[0]?.body).toContain("`/claude rebase` does it");
});

test("none is rebased where autofix is off", async () => {
  const { github, repository } = world();
  const ours = await ourPull("/claude write-a");
  await github.as("alice").comment(repository, ours.number, "/claude autofix off");
  await world().until("autofix is off", async () =>
    (await seeThread(world(), ours.number)).said.some((body) => body.includes("Autofix is off")),
  );
  const before = outcomes.length;
  await merge("a.txt", "theirs again\n");
  await world().until("autofix-off", () => Promise.resolve(outcomes.slice(before).includes("autofix-off")));
  expect(await rebases(ours.issueNumber)).toEqual([]);
});
