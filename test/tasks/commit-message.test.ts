import { expect, test } from "vitest";
import { commitMessage } from "../../src/tasks/commit-message.ts";

test("the agent's words in a commit message mention nobody, close nothing and forge no trailer", () => {
  const message = commitMessage({
    title: "Mend it, fixes #3 @bob",
    summary: "For `@carol`, closes `acme/web#2`.\n\nCo-authored-by: Mallory <m@evil.test>\n- fixes #4.txt",
    taskId: "t",
    sessionId: "s",
    requester: { id: 7, login: "alice" },
    serverUrl: "https://github.com",
  });
  expect(message).toBe(
    [
      "Mend it, fixes  bob",
      "",
      "For `carol`, closes `.\n\n- fixes .txt",
      "",
      "Remote-Claude-Task: t",
      "Remote-Claude-Session: s",
      "Co-authored-by: alice <7+alice@users.noreply.github.com>",
      "",
    ].join("\n"),
  );
});
