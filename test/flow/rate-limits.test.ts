import { expect, test } from "vitest";
import type { Fault } from "../standins/github/faults.ts";
import { writeFiles } from "../standins/model/scenarios.ts";
import { seeThread } from "./see-thread.ts";
import { shareWorld } from "./share-world.ts";

const world = shareWorld({ scenario: writeFiles({ "turn.txt": "turned\n" }) });

const resetSoon = () => String(Math.ceil(Date.now() / 1_000) + 1);

/** Secondary limits name their pause, primary ones their end; each before the operation acts. */
const limits = (): Omit<Fault, "when">[] => [
  { operationId: "repos/get-collaborator-permission-level", status: 429, headers: { "retry-after": "1" } },
  { operationId: "reactions/create-for-issue-comment", status: 403, headers: { "retry-after": "1" } },
  {
    operationId: "apps/create-installation-access-token",
    ...{ status: 403, headers: { "x-ratelimit-remaining": "0", "x-ratelimit-reset": resetSoon() } },
  },
  { operationId: "pulls/create", status: 429, headers: { "retry-after": "1" } },
  {
    operationId: "issues/update-comment",
    ...{ status: 403, headers: { "x-ratelimit-remaining": "0", "x-ratelimit-reset": resetSoon() } },
  },
];

test("primary and secondary limits at five places are waited out: one of everything, and no failed attempt", async () => {
  for (const limit of limits()) world().github.faults.add({ ...limit, when: "before" });
  const { issueNumber } = await world().ask("/claude write turn.txt");
  const task = await world().untilReported(issueNumber);
  expect(task).toMatchObject({ status: "completed", failures: 0, outcome: { kind: "published" } });
  expect(world().github.faults.struck).toBe(5);
  expect((await seeThread(world(), issueNumber)).said).toHaveLength(1);
  expect(await world().github.pullRequests(world().repository)).toHaveLength(1);
});
