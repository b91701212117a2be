import { and, eq, isNull } from "drizzle-orm";
import { z } from "zod";
import { sandbox, task, usage } from "../../db/schema.ts";
import type { Bot } from "../../bench/bot/open-bot.ts";
import { createLogger } from "../../src/log.ts";
import { openFleet } from "../../src/sandbox/open-fleet.ts";
import type { History } from "./check.ts";
import type { Victim } from "./round.ts";

const pushed = z.object({ owner: z.string(), repo: z.string(), ref: z.string() });

/** What GitHub has recorded of the threads, and beside it what the account pays for and which machines are left. */
export async function historyOf(
  bot: Bot,
  {
    victims,
    repositories,
    lateEffects,
  }: {
    victims: readonly Omit<Victim, "point">[];
    repositories: readonly string[];
    lateEffects: readonly string[];
  },
): Promise<History> {
  const { github } = bot;
  const isBot = (name: string) => name.endsWith("[bot]");
  const threads: History["threads"][number][] = [];
  const strayBranches: string[] = [];
  for (const repository of repositories) {
    const pulls = (await github.pullRequests(repository)).filter(({ author }) => isBot(author));
    const branches = Object.keys(await github.branches(repository)).filter((name) => name !== "main");
    strayBranches.push(
      ...branches
        .filter((name) => !pulls.some(({ head }) => head === name))
        .map((name) => `${repository} ${name}`),
    );
    const base = (await github.commits(repository, "main")).length;
    for (const { issue, commentId } of victims.filter((each) => each.repository === repository)) {
      const own = pulls.filter(
        ({ body }) => body?.includes(`#${issue}\n`) === true || body?.endsWith(`#${issue}`) === true,
      );
      threads.push({
        thread: `${repository}#${issue}`,
        said: github
          .comments(repository, issue)
          .filter(({ author }) => isBot(author))
          .map(({ body }) => body),
        reactions: github
          .reactions(repository, issue, commentId)
          .filter(({ user }) => isBot(user))
          .map(({ content }) => content),
        pulls: await Promise.all(
          own.map(async ({ number, head, files }) => ({
            ...{ number, head, files: files.map(({ path }) => path) },
            commits: (await github.commits(repository, head)).length - base,
          })),
        ),
        paidAttempts: await countPaid(bot, commentId),
      });
    }
  }
  const refs = github.effects
    .filter(({ operationId, actor }) => operationId === "git/receive-pack" && isBot(actor))
    .map(({ params }) => {
      const { owner, repo, ref } = pushed.parse(params);
      return { repository: `${owner}/${repo}`, ref, defaultBranch: "main" };
    });
  return { threads, refs, strayBranches, lateEffects, strayMachines: await strayMachines(bot) };
}

async function countPaid({ database }: Bot, commentId: number): Promise<number> {
  const rows = await database.system
    .select({ attempt: usage.attempt })
    .from(usage)
    .innerJoin(task, eq(task.id, usage.taskId))
    .where(and(eq(task.triggerCommentId, commentId), eq(usage.fault, "none"), eq(usage.kind, "model")));
  return new Set(rows.map(({ attempt }) => attempt)).size;
}

/** Machines that no row knows as still in use. */
async function strayMachines(bot: Bot): Promise<string[]> {
  const fleet = await openFleet(bot.config({}), createLogger({ logLevel: "silent" }, "storm"));
  const { machines } = await fleet.list({ app: fleet.app });
  const known = await bot.database.system
    .select({ id: sandbox.id })
    .from(sandbox)
    .where(isNull(sandbox.endedAt));
  return machines.map(({ id }) => id).filter((id) => !known.some((row) => row.id === id));
}
