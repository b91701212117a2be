import { afterEach, beforeEach, expect, test } from "vitest";
import { answer } from "../standins/model/reply.ts";
import { bash } from "../standins/model/scenarios.ts";
import { needBwrap } from "../support/need-bwrap.ts";
import { openWorld, type World } from "../support/world.ts";

let world: World;
beforeEach(needBwrap);
afterEach(() => world.close());

test("what the settings protect, and the settings themselves, stay out of the branch", async () => {
  const change =
    "mkdir -p infra && echo a > infra/main.tf && echo b > yarn.lock && echo c > free.txt && echo 'setup: []' > .github/remote-claude.yml";
  world = await openWorld({
    scenario: ({ turn }) => (turn === 0 ? answer("I'll write.", bash(change, "Write")) : answer("Done.")),
    files: {
      "README.md": "# widgets\n",
      ".github/remote-claude.yml": 'protected_paths: [infra/, "*.lock"]\n',
    },
  });
  await world.startWorker();
  const { issueNumber } = await world.ask("/claude write them");
  await world.untilReported(issueNumber);
  const [pull] = await world.github.pullRequests(world.repository);
  expect(pull?.files.map(({ path }) => path)).toEqual(["free.txt"]);
  const said = world.github.comments(world.repository, issueNumber).at(-1)?.body ?? "";
  for (const path of ["infra/main.tf", "yarn.lock", ".github/remote-claude.yml"])
    expect(said).toContain(path);
}, 120_000);
