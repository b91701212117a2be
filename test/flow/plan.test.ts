import { expect, onTestFinished, test } from "vitest";
import { answerOnly, inTurn, writeFiles } from "../standins/model/scenarios.ts";
import { seeThread } from "./see-thread.ts";
import { needBwrap } from "../support/need-bwrap.ts";
import { openWorld } from "../support/world.ts";

test("a plan waits for its approval and is then carried out by the same task", async (context) => {
  await needBwrap(context);
  const change = writeFiles({ "docs.md": "hello\n" });
  const world = await openWorld({ scenario: inTurn(answerOnly("- [ ] write docs.md"), change) });
  onTestFinished(() => world.close());
  await world.startWorker();
  const { issueNumber } = await world.ask("/claude plan write some docs");
  const waiting = await world.until("the plan waits", async () => {
    const [task] = await world.tasks();
    return task?.status === "waiting" ? task : null;
  });
  expect(waiting).toMatchObject({ leg: 1, question: { kind: "plan" } });
  const said = async () => (await seeThread(world, issueNumber)).said;
  await world.until("the thread shows the plan", async () =>
    (await said()).some((body) => body.includes("write docs.md") && body.includes("/claude approve")),
  );
  await world.github.as("alice").comment(world.repository, issueNumber, "/claude approve");
  const done = await world.untilReported(issueNumber);
  expect(done).toMatchObject({ id: waiting.id, leg: 2, status: "completed", outcome: { kind: "published" } });
  expect((await said()).filter((body) => body.includes("remote-claude:task:"))).toHaveLength(1);
});
