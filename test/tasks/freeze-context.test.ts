import { expect, onTestFinished, test } from "vitest";
import { readConfig } from "../../src/config.ts";
import { createGitHub } from "../../src/github/octokit.ts";
import { createLogger } from "../../src/log.ts";
import { freezeContext } from "../../src/tasks/freeze-context.ts";
import { renderThread } from "../../src/tasks/prompt-thread.ts";
import { startGitHub } from "../standins/github/github.ts";

/** An issue with these comments by alice, as the bot freezes it. */
async function freeze(bodies: readonly string[]) {
  const github = await startGitHub();
  onTestFinished(() => github.close());
  github.createUser("alice");
  github.createOrganization("acme");
  const app = await github.createApp({
    ...{ name: "Remote Claude", owner: "acme", events: [] },
    permissions: { contents: "write", issues: "write", metadata: "read" },
  });
  const made = await github.createRepository({ owner: "acme", name: "widgets", files: { "a.md": "a\n" } });
  const installation = github.install({ app, owner: "acme", repositories: "all" });
  github.setRole(made.fullName, "alice", "write");
  const issue = await github.as("alice").createIssue(made.fullName, { title: "Long", body: "story" });
  github.addComments(made.fullName, issue.number, { bodies, by: "alice" });
  const config = readConfig({
    ...{ APP_ID: String(app.id), PRIVATE_KEY: app.privateKey, WEBHOOK_SECRET: app.webhookSecret },
    ...{ GITHUB_API_URL: github.apiUrl, GITHUB_SERVER_URL: github.url, LOG_LEVEL: "silent" },
    ANTHROPIC_API_KEY: "sk-ant-standin",
  });
  if (config.app === null) throw new Error("the test has an App");
  const bot = createGitHub({ config: { ...config, app: config.app }, log: createLogger(config, "test") });
  const client = await bot.openRepository({
    ...{ installationId: installation.id, repositoryId: made.id },
    permissions: { contents: "read", issues: "read" },
  });
  const { data } = await client.octokit.rest.issues.get({
    ...{ owner: "acme", repo: "widgets", issue_number: issue.number },
  });
  const user = { id: data.user?.id ?? 0, login: data.user?.login ?? "" };
  return freezeContext(client.octokit, {
    repository: { owner: "acme", name: "widgets" },
    issue: { ...data, body: data.body ?? null, user },
    ...{
      requester: user,
      triggeredAt: new Date(Date.now() + 60_000),
      base: { ref: "main", sha: "0".repeat(40) },
    },
  });
}

const numbered = (count: number) => Array.from({ length: count }, (_, index) => `Comment ${index + 1}.`);
const bodiesOf = ({ comments }: Awaited<ReturnType<typeof freeze>>) => comments.map(({ body }) => body);

test.each([1, 99, 100, 101, 500])("%i comments are all given, oldest first", async (count) => {
  const context = await freeze(numbered(count));
  expect(bodiesOf(context)).toEqual(numbered(count));
  expect(context.olderComments).toBe(0);
  expect(renderThread(context)).not.toContain("older comment");
});

test("of more, the newest are given, and the prompt says how many came before", async () => {
  const context = await freeze(numbered(730));
  expect(bodiesOf(context)).toEqual(numbered(730).slice(300));
  expect(context.olderComments).toBe(300);
  expect(renderThread(context)).toContain("(300 older comments not shown here.)");
});

test("what is too much for one prompt is left out from its oldest end", async () => {
  const context = await freeze([
    "first",
    ...Array.from({ length: 4 }, (_, n) => `${n}`.repeat(60_000)),
    "last",
  ]);
  expect(bodiesOf(context).map((body) => body.slice(0, 4))).toEqual(["1111", "2222", "3333", "last"]);
  expect(context.olderComments).toBe(2);
});
