import type { Octokit } from "@octokit/rest";
import { expect, test } from "vitest";
import { createGitHub } from "../../src/github/octokit.ts";
import { createLogger } from "../../src/log.ts";
import { changeNothing } from "../standins/model/scenarios.ts";
import { seeThread } from "./see-thread.ts";
import { shareWorld } from "./share-world.ts";

/** Whoever is not a person: our own App, other Apps, and such of them as the operator has listed. */

type Bot = { login: string; id: number; write(issueNumber: number, body: string): Promise<number> };
const bots: Record<"own" | "other" | "listed", Bot | undefined> = {
  own: undefined,
  other: undefined,
  listed: undefined,
};

// The stand-in gives out account ids in order; the world's own accounts come first, which `prepare` checks.
const listedId = 1_000_006;

const world = shareWorld(
  { scenario: changeNothing(), env: { ALLOWED_BOT_IDS: `1000002, ${listedId}` } },
  async ({ github, config, app, installation, repository }) => {
    const permissions = { metadata: "read", issues: "write" } as const;
    const repositoryId = (await github.as("alice").api("GET", `/repos/${repository}`)).body as { id: number };
    const open = async (
      input: { id: number; privateKey: string },
      installationId: number,
    ): Promise<Octokit> => {
      const own = {
        ...config,
        app: { id: input.id, privateKey: input.privateKey, webhookSecrets: [""] as const },
      };
      const client = createGitHub({ config: own, log: createLogger(config, "test") });
      const opened = await client.openRepository({
        installationId,
        repositoryId: repositoryId.id,
        permissions: { issues: "write" },
      });
      return opened.octokit;
    };
    const asBot = (octokit: Octokit, login: string, id: number): Bot => ({
      login,
      id,
      write: async (issueNumber, body) => {
        const [owner = "", repo = ""] = repository.split("/");
        const written = await octokit.rest.issues.createComment({
          owner,
          repo,
          issue_number: issueNumber,
          body,
        });
        return written.data.id;
      },
    });
    bots.own = asBot(await open(app, installation.id), app.botLogin, app.botUserId);
    for (const name of ["other", "listed"] as const) {
      const made = await github.createApp({ name, owner: "acme", permissions, events: [] });
      const at = github.install({ app: made, owner: "acme", repositories: "all" });
      github.setRole(repository, made.botLogin, "write");
      bots[name] = asBot(await open(made, at.id), made.botLogin, made.botUserId);
    }
    expect([bots.own.id, bots.listed?.id]).toEqual([1_000_002, listedId]);
    github.setRole(repository, app.botLogin, "admin");
  },
);

function bot(name: keyof typeof bots): Bot {
  const found = bots[name];
  if (found === undefined) throw new Error(`${name} is made with the world`);
  return found;
}

async function quietIssue(): Promise<number> {
  return (await world().github.as("alice").createIssue(world().repository, { title: "Turn it" })).number;
}

/** What comes after all that was sent before has been dealt with. */
async function untilDealtWith(): Promise<void> {
  await world().github.drained();
  const { issueNumber } = await world().ask("/claude turn it");
  await world().untilReported(issueNumber);
}

const tasksOf = async (issueNumber: number) =>
  (await world().tasks()).filter((task) => task.issueNumber === issueNumber);

test.each(["own", "other"] as const)("%s App's command is passed over in silence", async (name) => {
  const issueNumber = await quietIssue();
  const commentId = await bot(name).write(issueNumber, "/claude turn it");
  await untilDealtWith();
  expect(await tasksOf(issueNumber)).toEqual([]);
  expect(
    world()
      .github.comments(world().repository, issueNumber)
      .map(({ author }) => author),
  ).toEqual([bot(name).login]);
  expect((await seeThread(world(), issueNumber, commentId)).reactions).toEqual([]);
});

test("a listed bot that may write is heard as a person is", async () => {
  const issueNumber = await quietIssue();
  const commentId = await bot("listed").write(issueNumber, "/claude turn it");
  const task = await world().untilReported(issueNumber);
  expect(task).toMatchObject({ status: "completed", requesterLogin: bot("listed").login });
  expect(await seeThread(world(), issueNumber, commentId)).toMatchObject({
    said: [expect.stringContaining("Nothing to change")],
    reactions: ["eyes", "rocket"],
  });
});

test("a listed bot that may not write is refused, once", async () => {
  world().github.setRole(world().repository, bot("listed").login, "read");
  const issueNumber = await quietIssue();
  await bot("listed").write(issueNumber, "/claude turn it");
  await bot("listed").write(issueNumber, "/claude turn it again");
  await untilDealtWith();
  expect(await tasksOf(issueNumber)).toEqual([]);
  expect((await seeThread(world(), issueNumber)).said).toEqual([
    expect.stringContaining("needs write access"),
  ]);
});
