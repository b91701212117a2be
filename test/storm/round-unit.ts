import { setTimeout as delay } from "node:timers/promises";
import type { Scenario } from "../standins/model/reply.ts";
import { writeFiles } from "../standins/model/scenarios.ts";
import { startModel } from "../standins/model/start-model.ts";
import { findFreePort } from "../support/free-port.ts";
import { end, openBot, type Bot } from "../../bench/bot/open-bot.ts";
import { openAgent } from "./agent/open-agent.ts";
import { type Blow, type BlowKind, blows } from "./blows.ts";
import { check } from "./check.ts";
import { historyOf } from "./history.ts";
import type { Point } from "./points.ts";
import { createRandom, type Random } from "./random.ts";
import { strike } from "./round.ts";
import type { RoundOfBlows, Unit } from "./unit.ts";

/** The installation's pace of writes is 20 at once, and a task needs five. */
const tasksOfAccount = 4;
/** The reaper ends so many machines at a time. */
const mostMachinesEnding = 8;
export const modelKey = "sk-ant-standin";

/** `tasks` stand at each of the points, and one blow takes them all. */
export function roundUnit(input: {
  name: string;
  blow: Blow;
  /** Told apart from other rounds of the same seed. */
  index: number;
  points: readonly Point[];
  tasks: number;
  /** The real Claude Code, or the storm's own agent. */
  agent: "claude" | "scripted";
}): Unit {
  const { name, blow, index, points, tasks } = input;
  const kind: BlowKind = blows[blow];
  return {
    name,
    async run({ seed }) {
      const random = createRandom(seed * 1_000 + index);
      const around = await kind.open();
      const agent = input.agent === "scripted" ? await openAgent() : null;
      try {
        return await withBot(around.env, async (bot) => {
          const asked = await openThreads(
            bot,
            random,
            choose(random, { points: points.filter(({ of }) => of === "worker" || !kind.workerOnly), tasks }),
          );
          const env = { WORKER_CONCURRENCY: "200", ...(agent === null ? {} : { CLAUDE_BIN: agent.path }) };
          const { struck, resumedMs, lateEffects } = await strike(bot, {
            ...{ victims: asked.victims, blow: around.strike, standMs: random.below(500), env },
          });
          const { repositories } = asked;
          const history = await historyOf(bot, { victims: struck, repositories, lateEffects });
          const pairs = struck.map(({ point }, at) => ({ point: point.id, resumedMs: resumedMs[at] ?? 0 }));
          return { kind: "round", blow, pairs, violations: check(history) } satisfies RoundOfBlows;
        });
      } finally {
        await agent?.close();
        await around.close();
      }
    },
  };
}

/** In an order of chance, those of the server last: GitHub waits 10 s for an answer. */
function choose(random: Random, { points, tasks }: { points: readonly Point[]; tasks: number }): Point[] {
  const all = points.flatMap((point) =>
    Array.from({ length: point.closed ? Math.min(tasks, mostMachinesEnding) : tasks }, () => point),
  );
  const late = ({ of }: Point) => (of === "server" ? 1 : 0);
  return random.shuffle(all).toSorted((a, b) => late(a) - late(b));
}

async function openThreads(
  { github, app }: Bot,
  random: Random,
  at: readonly Point[],
): Promise<{ repositories: string[]; victims: { repository: string; issue: number; point: Point }[] }> {
  const repositories: string[] = [];
  for (let index = 0; index < at.length / tasksOfAccount; index += 1) {
    const owner = `owner-${index}`;
    github.createOrganization(owner);
    const files = { "README.md": "# widgets\n" };
    const { fullName } = await github.createRepository({ owner, name: "widgets", files });
    github.install({ app, owner, repositories: "all" });
    github.setRole(fullName, "alice", "write");
    repositories.push(fullName);
  }
  const victims = [];
  for (const [index, point] of at.entries()) {
    const repository = repositories[Math.floor(index / tasksOfAccount)] ?? "";
    const { number } = await github
      .as("alice")
      .createIssue(repository, { title: `Struck at ${point.id}`, body: `Number ${random.below(1_000)}` });
    victims.push({ repository, issue: number, point });
  }
  return { repositories, victims };
}

const write = writeFiles({ "turn.txt": "turned\n" });
const patienceMs = 2_000;

/** As an agent does: what could not be written is written again a little later. */
const patient: Scenario = async (call) => {
  const failed = call.turn > 1 && call.results.some(({ isError }) => isError);
  if (failed) await delay(patienceMs);
  return write(failed ? { ...call, turn: 1 } : call);
};

/** The bot with a scripted model, its server not yet running. */
export async function withBot<T>(
  env: Record<string, string>,
  work: (bot: Bot) => Promise<T>,
  settings: Record<string, string> = {},
): Promise<T> {
  const model = await startModel({ keys: [modelKey], scenario: patient });
  try {
    const bot = await openBot({
      port: await findFreePort(),
      settings,
      env: {
        ...{ ANTHROPIC_API_KEY: modelKey, ANTHROPIC_BASE_URL: model.url },
        ...{ WORKER_CONCURRENCY: "200", ACCOUNT_MAX_PARALLEL_TASKS: "200", MISSED_DELIVERIES_MINUTES: "1" },
        ...env,
      },
    });
    try {
      await end(bot.server);
      return await work(bot);
    } finally {
      await bot.close();
    }
  } finally {
    await model.close();
  }
}
