import { once } from "node:events";
import { afterEach, beforeEach, expect, test } from "vitest";
import { sandbox } from "../../db/schema.ts";
import { hang } from "../standins/model/scenarios.ts";
import { needBwrap } from "../support/need-bwrap.ts";
import { openWorld, type World } from "../support/world.ts";
import { seeThread } from "./see-thread.ts";

let world: World;
beforeEach((context) => needBwrap(context));
afterEach(() => world.close());

// Against the clock, on a machine that runs other tests beside it: one of three has to make it.
test(
  "stop while nobody knows yet that the task's worker is dead: another worker ends it within 5 s",
  { retry: 2 },
  async () => {
    world = await openWorld({ scenario: hang() });
    const dying = world.spawnWorker();
    const { issueNumber } = await world.ask("/claude work");
    await world.model.until((requests) => requests.length > 0);
    await world.startWorker();
    dying.kill("SIGKILL");
    await once(dying, "exit");
    const since = performance.now();
    await world.github.as("alice").comment(world.repository, issueNumber, "/claude stop");
    await world.until("the thread says so", async () => {
      const { said } = await seeThread(world, issueNumber);
      return said.join("\n").includes("Stopped");
    });
    expect(performance.now() - since).toBeLessThan(5_000);
    const task = await world.untilReported(issueNumber);
    // Whoever held it has an older fence, and its machine is ended.
    expect(task).toMatchObject({
      status: "cancelled",
      fence: 2,
      outcome: { kind: "cancelled", by: "alice" },
    });
    await world.until("its machine is ended", async () => {
      const rows = await world.database.database.system.select().from(sandbox);
      return rows.length === 1 && rows.every(({ status }) => status === "ended");
    });
  },
);
