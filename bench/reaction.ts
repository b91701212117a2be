import { setTimeout as delay } from "node:timers/promises";
import { findFreePort } from "../test/support/free-port.ts";
import { openBot, type Bot } from "./bot/open-bot.ts";

/**
 * From the moment that a command's comment stands on GitHub to the eyes under it, with 100 deliveries in flight at once,
 * spread over 20 installations (resolution 14). Prints one JSON object.
 */
const owners = 20;
const perOwner = 5;
const rounds = 3;
const lookEveryMs = 5;
const withinMs = 30_000;

type Thread = { repository: string; issue: number };

const port = await findFreePort();
const bot = await openBot({
  port,
  // What a status answers needs no agent, and passes the same gate.
  env: { ANTHROPIC_API_KEY: "sk-ant-standin", SANDBOX_LOCAL_ISOLATION: "none", WORKER_CONCURRENCY: "1" },
});
try {
  await bot.startWorker({});
  const threads = await openThreads(bot);
  const measured: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const took = await Promise.all(threads.map((thread) => untilEyes(bot, thread)));
    await bot.github.drained();
    // The first round fills the caches, and each installation has a pace of its own to win back.
    if (round > 0) measured.push(...took);
    await delay(12_000);
  }
  const sorted = measured.toSorted((a, b) => a - b);
  const at = (share: number) => Math.round(sorted[Math.ceil(sorted.length * share) - 1] ?? Number.NaN);
  const figures = {
    "reaction.p95_ms": at(0.95),
    raw: { p50Ms: at(0.5), maxMs: at(1), reactions: sorted.length, inFlight: owners * perOwner, owners },
  };
  process.stdout.write(`${JSON.stringify(figures, null, 2)}\n`);
} finally {
  await bot.close();
}

async function openThreads({ github, app }: Bot): Promise<Thread[]> {
  const alice = github.as("alice");
  const threads: Thread[] = [];
  for (let n = 0; n < owners; n += 1) {
    const owner = `owner-${n}`;
    github.createOrganization(owner);
    const { fullName } = await github.createRepository({ owner, name: "small" });
    github.install({ app, owner, repositories: "all" });
    github.setRole(fullName, "alice", "write");
    for (let issues = 0; issues < perOwner; issues += 1) {
      const { number } = await alice.createIssue(fullName, { title: `Talk ${issues}` });
      threads.push({ repository: fullName, issue: number });
    }
  }
  return threads;
}

async function untilEyes({ github }: Bot, { repository, issue }: Thread): Promise<number> {
  const { id } = await github.as("alice").comment(repository, issue, "/claude status");
  const since = performance.now();
  while (performance.now() - since < withinMs) {
    if (github.reactions(repository, issue, id).some(({ content }) => content === "eyes"))
      return performance.now() - since;
    await delay(lookEveryMs);
  }
  throw new Error(`expected eyes under comment ${id} of ${repository}#${issue} within ${withinMs} ms`);
}
