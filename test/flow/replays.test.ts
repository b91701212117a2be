import { createHmac } from "node:crypto";
import { describe, expect, test } from "vitest";
import { writeFiles } from "../standins/model/scenarios.ts";
import { seeThread } from "./see-thread.ts";
import { shareWorld } from "./share-world.ts";

const world = shareWorld({ scenario: writeFiles({ "turn.txt": "turned\n" }) });

/** The newest delivery of a new comment, as it went over the wire. */
async function lastCommand(): Promise<{ guid: string; body: string }> {
  await world().github.drained();
  const found = world()
    .github.deliveries()
    .findLast(
      ({ event, action, body }) =>
        event === "issue_comment" && action === "created" && body.includes("/claude"),
    );
  if (found === undefined) throw new Error("GitHub has sent no command");
  return found;
}

async function send(
  event: string,
  id: string,
  body: string,
): Promise<{ status: number; outcome?: string; detail?: string }> {
  const signature = createHmac("sha256", world().app.webhookSecret).update(body).digest("hex");
  const response = await fetch(`${world().server.url}/api/github/webhooks`, {
    method: "POST",
    body,
    headers: {
      "content-type": "application/json",
      "x-github-event": event,
      "x-github-delivery": id,
      "x-hub-signature-256": `sha256=${signature}`,
    },
  });
  return { status: response.status, ...((await response.json()) as { outcome?: string; detail?: string }) };
}

describe("one command, delivered again", () => {
  test("under its own id, another id and another event's name, before and after it is done: one of each", async () => {
    const { issueNumber, commentId } = await world().ask("/claude write turn.txt");
    const { guid, body } = await lastCommand();
    const again = async () => [
      await send("issue_comment", guid, body),
      await send("issue_comment", crypto.randomUUID(), body),
      await send("issues", crypto.randomUUID(), body),
      await send("pull_request_review_comment", crypto.randomUUID(), body),
      await send("made_up_event", crypto.randomUUID(), body),
    ];
    const expected = [
      { status: 202, outcome: "duplicate" },
      { status: 202, outcome: "duplicate" },
      ...Array.from({ length: 3 }, () => ({
        status: 400,
        detail: expect.stringContaining("issue_comment") as string,
      })),
    ];
    expect(await again()).toMatchObject(expected);
    const task = await world().untilReported(issueNumber);
    expect(await again()).toMatchObject(expected);
    // A task that a replay had made would stand in front of this one.
    const next = await world().ask("/claude write turn.txt");
    await world().untilReported(next.issueNumber);
    const tasks = (await world().tasks()).filter((row) => row.issueNumber === issueNumber);
    expect(tasks.map(({ id }) => id)).toEqual([task.id]);
    expect(await seeThread(world(), issueNumber, commentId)).toMatchObject({
      said: [expect.stringContaining("a draft to review")],
      reactions: ["eyes", "rocket"],
      branches: [expect.any(String)],
      pulls: [{ draft: true }],
    });
  });

  test("with its text changed and signed by somebody else, it is refused unread", async () => {
    await world().ask("never mind");
    await world().github.drained();
    const quiet = world()
      .github.deliveries()
      .findLast(({ event }) => event === "issue_comment");
    const before = (await world().tasks()).length;
    const response = await fetch(`${world().server.url}/api/github/webhooks`, {
      method: "POST",
      body: (quiet?.body ?? "").replace("never mind", "/claude write turn.txt"),
      headers: quiet?.requestHeaders ?? {},
    });
    expect(response.status).toBe(401);
    expect(await world().tasks()).toHaveLength(before);
  });
});
