import { expect, test } from "vitest";
import { readConfig } from "../../src/config.ts";
import { createRedactor } from "../../src/github/redact.ts";
import { readTurnResult } from "../../src/tasks/turn-result.ts";

const secret = "correct-horse-battery";
const app = { id: 1, privateKey: "unused", webhookSecrets: ["unused"] as const };
const deps = {
  config: { ...readConfig({ DATA_DIR: "/nowhere" }), app, databaseUrl: "postgres://nowhere" },
  redact: createRedactor([secret]),
};
const read = (resultText: string) =>
  readTurnResult(deps, { outcome: { kind: "finished", text: "Done.", turns: 1 }, resultText });

test.each([
  "# Fix correct**-horse**-battery",
  "Fix `correct-`horse-battery",
  "Fix correct<-horse>-battery",
  "Fix it, at the end of a line that is so long that it would be cut in its middle correct**-**horse-battery",
  "Fix **ghp**_1234567890abcdefghij**ABCDEFGHIJ**1234567890",
])("a title that is a secret without its marks: %s", (title) => {
  const { title: shown } = read(`${title}\n\n## Summary\nDone.`);
  expect(shown).not.toMatch(/horse|ghp_|abcdefghij/);
  expect(shown).toMatch(/^Fix/);
});

test("a title is plain text and no longer than a line of a commit", () => {
  expect(read("## Turn the `widgets`.\n\n## Summary\nDone.").title).toBe("Turn the widgets");
  expect(read(`${"long ".repeat(40)}\n\n## Summary\nDone.`).title?.length).toBeLessThanOrEqual(72);
});
