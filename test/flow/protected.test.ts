import { afterEach, beforeEach, expect, test } from "vitest";
import { answer } from "../standins/model/reply.ts";
import { bash } from "../standins/model/scenarios.ts";
import { needBwrap } from "../support/need-bwrap.ts";
import { openWorld, type World } from "../support/world.ts";
import { seeThread } from "./see-thread.ts";

let world: World;
beforeEach(needBwrap);
afterEach(() => world.close());

const change =
  "mkdir -p infra && echo a > infra/main.tf && echo b > yarn.lock && echo c > free.txt && echo 'setup: []' > .github/remote-claude.yml";

async function begin(command: string): Promise<number> {
  world = await openWorld({
    scenario: ({ turn }) => (turn === 0 ? answer("I'll write.", bash(command, "Write")) : answer("Done.")),
    files: {
      "README.md": "# widgets\n",
      ".github/remote-claude.yml": 'protected_paths: [infra/, "*.lock"]\n',
    },
  });
  await world.startWorker();
  const { issueNumber } = await world.ask("/claude write them");
  return issueNumber;
}

async function untilAsked(issueNumber: number) {
  const task = await world.until("the task waits", async () => {
    const [newest] = await world.tasks();
    return newest?.status === "waiting" ? newest : null;
  });
  await world.until("the thread asks", async () =>
    (await seeThread(world, issueNumber)).said.some((body) => body.includes("infra/main.tf")),
  );
  return task;
}

const paths = async () =>
  (await world.github.pullRequests(world.repository)).flatMap(({ files }) => files.map(({ path }) => path));

test("what the settings protect, and the settings themselves, wait for an approval; the rest is pushed", async () => {
  const issueNumber = await begin(change);
  const waiting = await untilAsked(issueNumber);
  expect(waiting.question).toMatchObject({ kind: "protected-paths" });
  expect(await paths()).toEqual(["free.txt"]);
  const said = (await seeThread(world, issueNumber)).said.join("\n");
  for (const path of ["infra/main.tf", "yarn.lock", ".github/remote-claude.yml"])
    expect(said).toContain(`\`${path}\``);
  const [branch = ""] = (await seeThread(world, issueNumber)).branches;
  await world.github.commit(world.repository, { branch, files: { "person.md": "mine\n" } });
  await world.github.as("alice").comment(world.repository, issueNumber, "/claude approve");
  const done = await world.untilReported(issueNumber);
  expect(done).toMatchObject({ id: waiting.id, leg: 2, status: "completed", outcome: { kind: "published" } });
  expect((await paths()).toSorted()).toEqual([
    ".github/remote-claude.yml",
    "free.txt",
    "infra/main.tf",
    "person.md",
    "yarn.lock",
  ]);
  expect(await world.github.pullRequests(world.repository)).toHaveLength(1);
}, 120_000);

test("where all of it is protected nothing is pushed before the approval; workflows never are", async () => {
  const issueNumber = await begin(
    "mkdir -p infra .github/workflows && echo a > infra/main.tf && echo 'on: push' > .github/workflows/x.yml",
  );
  await untilAsked(issueNumber);
  expect((await seeThread(world, issueNumber)).branches).toEqual([]);
  await world.github.as("alice").comment(world.repository, issueNumber, "/claude approve");
  expect(await world.untilReported(issueNumber)).toMatchObject({ outcome: { kind: "published" } });
  expect(await paths()).toEqual(["infra/main.tf"]);
}, 120_000);
