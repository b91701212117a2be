import { expect, test } from "vitest";
import { byWord, holdBack, writeFiles } from "../standins/model/scenarios.ts";
import { seeThread } from "./see-thread.ts";
import { shareWorld } from "./share-world.ts";

/** A repository whose settings limit how many of its tasks run at once. */

const first = holdBack(writeFiles({ "first.txt": "1\n" }));
const third = holdBack(writeFiles({ "third.txt": "3\n" }));

const world = shareWorld({
  files: {
    "README.md": "# widgets\n",
    ".github/remote-claude.yml": "limits:\n  parallel_tasks: 2\n  parallel_tasks_per_user: 1\n",
  },
  scenario: byWord({
    "go-first": first.scenario,
    "go-second": writeFiles({ "second.txt": "2\n" }),
    "go-third": third.scenario,
    "go-fourth": writeFiles({ "fourth.txt": "4\n" }),
  }),
  env: { ACCOUNT_MAX_PARALLEL_TASKS: "9", WORKER_CONCURRENCY: "2" },
});

const headline = async (issueNumber: number) => {
  const { said } = await seeThread(world(), issueNumber);
  return said.find((body) => body.includes("remote-claude:task:"))?.split("\n")[0] ?? "";
};

async function ask(login: string, command: string): Promise<number> {
  const { github, repository } = world();
  const { number } = await github.as(login).createIssue(repository, { title: command.slice(8) });
  await github.as(login).comment(repository, number, command);
  return number;
}

test("a person's second task waits for their slot, a third person's for the repository's, and each thread says for which", async () => {
  const { github, repository } = world();
  github.createUser("carol");
  for (const login of ["bob", "carol"]) github.setRole(repository, login, "write");
  const one = await ask("alice", "/claude go-first");
  await first.arrived;
  const two = await ask("alice", "/claude go-second");
  await world().until("hers waits for her slot", async () =>
    (await headline(two)).includes("alice's one slot in this repository is busy"),
  );
  expect(await headline(two)).toMatch(/^⏳ \*\*Waiting\*\*: next in line/);
  // Hers has taken no place of a worker from bob's.
  const other = await ask("bob", "/claude go-third");
  await third.arrived;
  const last = await ask("carol", "/claude go-fourth");
  await world().until("carol's waits for the repository's slots", async () =>
    (await headline(last)).includes("this repository's 2 slots are busy"),
  );
  third.release();
  expect(await world().untilReported(last)).toMatchObject({ status: "completed" });
  expect(await world().untilReported(other)).toMatchObject({ status: "completed" });
  expect((await world().tasks()).find(({ issueNumber }) => issueNumber === two)?.status).toBe("queued");
  first.release();
  expect(await world().untilReported(two)).toMatchObject({ status: "completed" });
  expect(await world().untilReported(one)).toMatchObject({ status: "completed" });
});
