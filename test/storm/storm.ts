import { parseArgs } from "node:util";
import { and, eq, isNull } from "drizzle-orm";
import { z } from "zod";
import { sandbox, task, usage } from "../../db/schema.ts";
import { end, openBot, type Bot } from "../../bench/bot/open-bot.ts";
import { createLogger } from "../../src/log.ts";
import { openFleet } from "../../src/sandbox/open-fleet.ts";
import { startModel } from "../standins/model/start-model.ts";
import { writeFiles } from "../standins/model/scenarios.ts";
import { findFreePort } from "../support/free-port.ts";
import { check, type History } from "./check.ts";
import { points, type Point } from "./points.ts";
import { createRandom } from "./random.ts";
import { strike, type Victim } from "./round.ts";

/**
 * The storm: tasks of several accounts are led to the points at which a process may die, and one signal takes the process from
 * under all of them; what GitHub and the model have recorded afterwards is held against the promises. `--seed` replays.
 */
const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    rounds: { type: "string", default: "1" },
    zombies: { type: "string", default: "1" },
    points: { type: "string" },
    json: { type: "boolean", default: false },
  },
});
const seed = values.seed === undefined ? Date.now() % 1_000_000 : Number(values.seed);
const random = createRandom(seed);
const wanted = values.points?.split(",") ?? points.map(({ id }) => id);
const chosen = points.filter(({ id }) => wanted.includes(id));
const log = (line: string) => void process.stderr.write(`${line}\n`);
const owners = 4;
const pushed = z.object({ owner: z.string(), repo: z.string(), ref: z.string() });
const modelKey = "sk-ant-standin";

log(`seed ${seed}`);
const model = await startModel({ keys: [modelKey], scenario: writeFiles({ "turn.txt": "turned\n" }) });
const env = {
  ...{ ANTHROPIC_API_KEY: modelKey, ANTHROPIC_BASE_URL: model.url },
  ...{ WORKER_CONCURRENCY: String(points.length), ACCOUNT_MAX_PARALLEL_TASKS: String(points.length) },
  ...{ MISSED_DELIVERIES_MINUTES: "1" },
};
const bot = await openBot({ port: await findFreePort(), env });
await end(bot.server);
const struck: { victim: Victim; signal: "SIGKILL" | "SIGSTOP" }[] = [];
const resumedMs: number[] = [];
const lateEffects: string[] = [];
const victims: Victim[] = [];
try {
  const repositories = await openRepositories(bot);
  const blow = async (signal: "SIGKILL" | "SIGSTOP", at: readonly Point[]) => {
    const threads = await Promise.all(
      at.map(async (point, index) => {
        const repository = repositories[(index + random.below(owners)) % owners] ?? "";
        const { number } = await bot.github
          .as("alice")
          .createIssue(repository, { title: `Dies at ${point.id}` });
        return { repository, issue: number, point };
      }),
    );
    const result = await strike(bot, { victims: threads, signal, standMs: random.below(500), env, log });
    struck.push(...result.struck.map((victim) => ({ victim, signal })));
    victims.push(...result.struck);
    resumedMs.push(...result.resumedMs);
    lateEffects.push(...result.lateEffects);
    log(
      `${signal} at ${result.struck.map(({ point }) => point.id).join(" ")}: last word after ${Math.round(Math.max(...result.resumedMs) / 1000)} s`,
    );
  };
  for (let round = 0; round < Number(values.rounds); round += 1)
    await blow("SIGKILL", random.shuffle(chosen));
  const workers = chosen.filter(({ of }) => of === "worker");
  for (let round = 0; round < Number(values.zombies); round += 1)
    await blow("SIGSTOP", random.shuffle(workers));
  const violations = check(await historyOf(bot, repositories));
  report(violations);
  if (violations.length > 0) process.exitCode = 1;
} finally {
  await bot.close();
  await model.close();
}

async function openRepositories({ github, app }: Bot): Promise<string[]> {
  return Promise.all(
    Array.from({ length: owners }, async (_, index) => {
      const owner = `owner-${index}`;
      github.createOrganization(owner);
      const { fullName } = await github.createRepository({
        owner,
        name: "widgets",
        files: { "README.md": "# widgets\n" },
      });
      github.install({ app, owner, repositories: "all" });
      github.setRole(fullName, "alice", "write");
      return fullName;
    }),
  );
}

async function historyOf(bot: Bot, repositories: readonly string[]): Promise<History> {
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
    .where(and(eq(task.triggerCommentId, commentId), eq(usage.fault, "none")));
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

function report(violations: readonly ReturnType<typeof check>[number][]): void {
  const sorted = resumedMs.toSorted((a, b) => a - b);
  const p95Ms = sorted[Math.ceil(sorted.length * 0.95) - 1] ?? null;
  const kinds = ["SIGKILL", "SIGSTOP"] as const;
  const rows = chosen.map(({ id, what }) => ({
    ...{ point: id, what },
    ...Object.fromEntries(
      kinds.map((kind) => [
        kind,
        struck.filter(({ victim, signal }) => signal === kind && victim.point.id === id).length,
      ]),
    ),
  }));
  if (values.json) {
    process.stdout.write(
      `${JSON.stringify({ seed, pairs: struck.length, resumeP95Ms: p95Ms, points: rows, violations }, null, 2)}\n`,
    );
    return;
  }
  for (const row of rows) process.stdout.write(`${Object.values(row).join("  ")}\n`);
  for (const { promise, where, what } of violations)
    process.stdout.write(`${promise} broken at ${where}: ${what}\n`);
  process.stdout.write(
    `${struck.length} (task, kill) pairs, ${violations.length} violations; last word p95 ${p95Ms ?? "-"} ms after the blow; seed ${seed}\n`,
  );
}
