import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { desc } from "drizzle-orm";
import { task } from "../db/schema.ts";
import { systemClock } from "../src/clock.ts";
import { createLogger } from "../src/log.ts";
import { findClaude } from "../src/sandbox/find-tool.ts";
import { openFleet } from "../src/sandbox/open-fleet.ts";
import { pauseIdleSandboxes } from "../src/sessions/pause-idle.ts";
import { startE2b } from "../test/standins/e2b/start-e2b.ts";
import { startModel } from "../test/standins/model/start-model.ts";
import { answer, type Scenario } from "../test/standins/model/reply.ts";
import { bash } from "../test/standins/model/scenarios.ts";
import { findFreePort } from "../test/support/free-port.ts";
import { median } from "./bot/median.ts";
import { end, openBot, type Bot } from "./bot/open-bot.ts";
import { makeRepository, repositorySize } from "./repository/make-repository.ts";

/**
 * From a person's comment to the first call of the model, in a new session and, right after it, in the same session with its
 * machine paused and as it was left: on a repository of 3,600 files, on this host and at an E2B stand-in. Prints one JSON object.
 */
const rounds = { local: 3, e2b: 3 } as const;
type Provider = keyof typeof rounds;
type Taken = { fromCommentMs: number; fromClaimMs: number };

const callsAt: number[] = [];
const writeOneFile: Scenario = ({ turn }) => {
  callsAt.push(Date.now());
  return turn === 0
    ? answer(
        bash("echo turned >> turn.txt; mkdir -p .github/workflows; date > .github/workflows/ci.yml", "Write"),
      )
    : answer("I wrote turn.txt.");
};

const claude = await findClaude(null);
if (claude === null) throw new Error("the benchmark needs Claude Code: run npm ci");
const port = await findFreePort();
const model = await startModel({ scenario: writeOneFile });
const e2b = await startE2b({
  launcher: "bwrap",
  toolPaths: [dirname(claude), dirname(process.execPath)],
  reachable: [{ host: "127.0.0.1", port }],
  pauseHistory: false,
});
const bot = await openBot({
  port,
  env: {
    ...{ ANTHROPIC_API_KEY: "sk-ant-standin", ANTHROPIC_BASE_URL: model.url },
    ...{ SANDBOX_PROVIDER: "local,e2b", E2B_API_KEY: e2b.apiKey, E2B_TEMPLATE: e2b.template },
    ...{ E2B_API_URL: e2b.apiUrl, E2B_SANDBOX_URL: e2b.sandboxUrl },
  },
});
try {
  const { local, e2b: remote } = { local: await measure(bot, "local"), e2b: await measure(bot, "e2b") };
  const figures = {
    "resume.vs_fresh": Math.max(local.ratio, remote.ratio),
    "resume.local_vs_fresh": local.ratio,
    "resume.e2b_vs_fresh": remote.ratio,
    raw: { local: local.raw, e2b: remote.raw, rounds, repository: repositorySize },
  };
  if (e2b.violations.length + model.violations.length > 0)
    throw new Error(`the stand-ins refused: ${[...e2b.violations, ...model.violations].join("; ")}`);
  process.stdout.write(`${JSON.stringify(figures, null, 2)}\n`);
} finally {
  await bot.close();
  await e2b.close();
  await model.close();
}

async function measure(bot: Bot, provider: Provider) {
  // An account of its own: GitHub's pace is one for each installation, and the first measured must not use it up.
  const owner = `${provider}-owner`;
  bot.github.createOrganization(owner);
  const made = await bot.github.createRepository({ owner, name: "large", empty: true });
  await makeRepository(made.directory);
  bot.github.install({ app: bot.app, owner, repositories: "all" });
  bot.github.setRole(made.fullName, "alice", "write");
  const env = { SANDBOX_PROVIDER: provider };
  const worker = await bot.startWorker(env);
  const taken: Record<"fresh" | "resumed", Taken[]> = { fresh: [], resumed: [] };
  for (let round = 0; round <= rounds[provider]; round += 1) {
    const issue = await bot.github.as("alice").createIssue(made.fullName, { title: `Turn ${round}` });
    const fresh = await takeTurn(bot, made.fullName, issue.number);
    // The first round makes the mirror and warms the code.
    if (round === 0) continue;
    await pauseAll(bot, env);
    taken.fresh.push(fresh);
    taken.resumed.push(await takeTurn(bot, made.fullName, issue.number));
  }
  await end(worker);
  const medians = (of: keyof Taken) => ({
    fresh: Math.round(median(taken.fresh.map((each) => each[of]))),
    resumed: Math.round(median(taken.resumed.map((each) => each[of]))),
  });
  const raw = { fromCommentMs: medians("fromCommentMs"), fromClaimMs: medians("fromClaimMs") };
  const { fresh, resumed } = raw.fromCommentMs;
  return { ratio: Math.round((resumed / fresh) * 1_000) / 1_000, raw };
}

/** One turn of a session from the comment to its last word. */
async function takeTurn(bot: Bot, repository: string, issueNumber: number): Promise<Taken> {
  const before = (await tasks(bot)).length;
  callsAt.length = 0;
  const since = Date.now();
  await bot.github.as("alice").comment(repository, issueNumber, "/claude write turn.txt");
  while (true) {
    const [newest, ...others] = await tasks(bot);
    if (newest !== undefined && others.length === before && newest.reportedAt !== null) {
      const [firstCallAt] = callsAt;
      if (newest.status !== "completed" || newest.startedAt === null || firstCallAt === undefined)
        throw new Error(`expected a completed task, got ${JSON.stringify(newest)}`);
      if (newest.notices.rebuilt !== undefined)
        throw new Error(`expected a machine as it was left, got ${JSON.stringify(newest.notices)}`);
      return { fromCommentMs: firstCallAt - since, fromClaimMs: firstCallAt - newest.startedAt.getTime() };
    }
    await delay(50);
  }
}

function tasks({ database }: Bot) {
  return database.system.select().from(task).orderBy(desc(task.id));
}

/** The round that pauses idle machines, as if they had been idle for long enough. */
async function pauseAll(bot: Bot, env: Record<string, string>): Promise<void> {
  const config = bot.config(env);
  const log = createLogger({ logLevel: "silent" }, "bench");
  const sandboxes = await openFleet(config, log);
  const { system } = bot.database;
  await pauseIdleSandboxes({
    system,
    clock: systemClock,
    log,
    sandboxes,
    config: { sandbox: { idleMs: 0 } },
  });
}
