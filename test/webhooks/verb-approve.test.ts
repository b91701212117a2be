import { expect, test } from "vitest";
import { approve } from "../../src/webhooks/verb-approve.ts";

test("a bot that may start work cannot approve", async () => {
  const said: string[] = [];
  type Order = Parameters<typeof approve>[1];
  // What lies behind the refusal is never reached: there is no database here.
  const order = {
    thread: { sender: { id: 5, login: "renovate[bot]", type: "Bot" } },
    admitted: { reply: (text: string) => Promise.resolve(void said.push(text)) },
    command: { kind: "command", verb: "approve", sha: null, options: {}, instruction: "" },
  } as unknown as Order;
  await approve({} as Parameters<typeof approve>[0], order);
  expect(said).toEqual(["Only a person can approve, so the question is still open."]);
});
