import { setTimeout as delay } from "node:timers/promises";
import { inArray } from "drizzle-orm";
import { isConnectionError } from "../../db/client.ts";
import { task } from "../../db/schema.ts";
import { end, type Bot } from "../../bench/bot/open-bot.ts";
import { type Blow, blows } from "./blows.ts";
import { openNemesis, type Passing } from "./nemesis.ts";
import type { Point } from "./points.ts";

/** A thread that asks for work, and the point at which its process is to die. */
export type Victim = { repository: string; issue: number; commentId: number; point: Point };

export type RoundResult = {
  /** Those that stood at their point when the signal came. */
  struck: readonly Victim[];
  /** From the signal to the last word, of each task. */
  resumedMs: readonly number[];
  /** What an overtaken worker did on GitHub after it had been woken. */
  lateEffects: readonly string[];
};

const armed = new URL("arm.ts", import.meta.url).href;
const gatherMs = 120_000;
const finishMs = 300_000;
const zombieMs = 8_000;

/**
 * All victims ask for work, each is led to its point, and one blow takes them all; a worker that was only stopped is woken when
 * nothing is left for it. Rejects when a task never ends.
 */
export async function strike(
  bot: Bot,
  input: {
    victims: readonly Omit<Victim, "commentId">[];
    blow: Blow;
    /** How long the last one stands, ms. */
    standMs: number;
    env: Record<string, string>;
    log: (line: string) => void;
  },
): Promise<RoundResult> {
  const { blow, env, log } = input;
  const victims: Victim[] = [];
  const stood = new Set<Victim>();
  const nemesis = await openNemesis(async (at) => {
    const victim = await victimAt(bot, victims, at);
    if (victim === null || stood.has(victim) || !victim.point.at(at.point)) return false;
    stood.add(victim);
    return true;
  });
  const arms = { NODE_OPTIONS: `--import=${armed}`, STORM_NEMESIS: nemesis.url, ...env };
  try {
    const server = await bot.startServer(arms);
    const worker = await bot.startWorker(arms);
    for (const { repository, issue, point } of input.victims) {
      const { id } = await bot.github.as("alice").comment(repository, issue, "/claude write turn.txt");
      victims.push({ repository, issue, commentId: id, point });
    }
    await until(
      "all stand at their points",
      () => Promise.resolve(nemesis.standing.length === victims.length),
      {
        limitMs: gatherMs,
        orElse: () =>
          log(
            `missing: ${victims
              .filter((each) => !stood.has(each))
              .map(({ point }) => point.id)
              .join(" ")}`,
          ),
      },
    );
    await delay(input.standMs);
    const struck = [...stood];
    const since = Date.now();
    const release = () => nemesis.release();
    const { running, sleeper } = await blows[blow]({ bot, server, worker, release, env });
    const ends = await untilReported(bot, victims);
    await Promise.all(running.map((each) => end(each)));
    const lateEffects = sleeper === null ? [] : await wake(bot, sleeper, release);
    if (sleeper !== null) await end(sleeper);
    return { struck, lateEffects, resumedMs: ends.map((at) => at.getTime() - since) };
  } finally {
    await nemesis.close();
  }
}

/** The thread that a process is busy with at a crash point: of its task, or of the delivery that it has before it. */
async function victimAt(
  bot: Bot,
  victims: readonly Victim[],
  { subject, point }: Passing,
): Promise<Victim | null> {
  if (point.startsWith("delivery-")) {
    const body = bot.github
      .deliveries()
      .find(({ guid, event }) => guid === subject && event === "issue_comment")?.body;
    return victims.find(({ commentId }) => body?.toString().includes(`"id":${commentId},`)) ?? null;
  }
  const [row] = await bot.database.system
    .select()
    .from(task)
    .where(inArray(task.id, [subject]));
  return victims.find(({ commentId }) => row?.triggerCommentId === commentId) ?? null;
}

/** When each victim's last word was said. */
async function untilReported({ database }: Bot, victims: readonly Victim[]): Promise<Date[]> {
  const ids = victims.map(({ commentId }) => commentId);
  const ends = async () => {
    const rows = await database.system.select().from(task).where(inArray(task.triggerCommentId, ids));
    return rows.flatMap(({ reportedAt }) => (reportedAt === null ? [] : [reportedAt]));
  };
  // The blow may have taken the connection of this query too.
  const haveEnded = async () => {
    try {
      return (await ends()).length >= victims.length;
    } catch (error) {
      if (isConnectionError(error)) return false;
      throw error;
    }
  };
  await until("all tasks have ended", haveEnded, { limitMs: finishMs });
  return ends();
}

/** Lets a stopped worker go on when its tasks have ended elsewhere; what it does on GitHub from then on. */
async function wake(
  bot: Bot,
  worker: { kill(signal: "SIGCONT"): boolean },
  release: () => void,
): Promise<string[]> {
  const before = bot.github.effects.length;
  worker.kill("SIGCONT");
  release();
  await delay(zombieMs);
  return bot.github.effects
    .slice(before)
    .filter(({ operationId }) => !operationId.endsWith("-access-token"))
    .map(({ operationId, params, at }) => `${operationId} ${JSON.stringify(params)} at ${at}`);
}

async function until(
  what: string,
  holds: () => Promise<boolean>,
  { limitMs, orElse }: { limitMs: number; orElse?: () => void },
): Promise<void> {
  const deadline = Date.now() + limitMs;
  while (!(await holds())) {
    if (Date.now() > deadline) {
      orElse?.();
      throw new Error(`waited ${limitMs} ms in vain until ${what}`);
    }
    await delay(50);
  }
}
