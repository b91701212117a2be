import { setTimeout as delay } from "node:timers/promises";
import { eq, isNotNull } from "drizzle-orm";
import { isConnectionError } from "../../db/client.ts";
import { sandbox, session, task } from "../../db/schema.ts";
import { createLogger } from "../../src/log.ts";
import { openQueue } from "../../src/queue/queue.ts";
import { end, type Bot } from "../../bench/bot/open-bot.ts";
import type { Strike } from "./blows.ts";
import { openNemesis, type Passing } from "./nemesis.ts";
import type { Point } from "./points.ts";
import { until } from "./until.ts";

/** A thread that asks for work, and the point at which its process is to die. */
export type Victim = { repository: string; issue: number; commentId: number; point: Point };

export type RoundResult = {
  /** Those that stood at their point when the blow fell. */
  struck: readonly Victim[];
  /** From the blow to the last word, of each of them. */
  resumedMs: readonly number[];
  /** What an overtaken worker did on GitHub after it had been woken. */
  lateEffects: readonly string[];
};

const armed = new URL("arm.ts", import.meta.url).href;
const gatherMs = 300_000;
const finishMs = 300_000;
const zombieMs = 8_000;
/** So that a small machine does not run a hundred agents at once. */
const mostUnderWay = 16;

/**
 * All victims ask for work, each is led to its point, and one blow takes them all; a worker that was only stopped is woken when
 * nothing is left for it. Rejects when a task never ends.
 */
export async function strike(
  bot: Bot,
  input: {
    /** Those of the server last: GitHub waits 10 s for an answer. */
    victims: readonly Omit<Victim, "commentId">[];
    blow: Strike;
    /** How long the last one stands, ms. */
    standMs: number;
    env: Record<string, string>;
  },
): Promise<RoundResult> {
  const { blow, env } = input;
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
    await gather(bot, { asked: input.victims, victims, stood });
    await delay(input.standMs);
    const struck = [...stood];
    const since = Date.now();
    const release = () => nemesis.release();
    const { running, sleeper } = await blow({ bot, server, worker, release, env });
    const ends = await untilEnded(bot, struck, { closed: true });
    await Promise.all(running.map((each) => end(each)));
    const lateEffects = sleeper === null ? [] : await wake(bot, sleeper, release);
    if (sleeper !== null) await end(sleeper);
    return { struck, lateEffects, resumedMs: ends.map((at) => at.getTime() - since) };
  } finally {
    await nemesis.close();
  }
}

/** As many ask at a time as the machine can bear, until all stand at their points. */
async function gather(
  bot: Bot,
  input: { asked: readonly Omit<Victim, "commentId">[]; victims: Victim[]; stood: ReadonlySet<Victim> },
): Promise<void> {
  const { asked, victims, stood } = input;
  const alice = bot.github.as("alice");
  const ask = async (each: Omit<Victim, "commentId">) => {
    const { id } = await alice.comment(each.repository, each.issue, "/claude write turn.txt");
    victims.push({ ...each, commentId: id });
  };
  for (const each of asked.filter(({ point }) => point.closed)) await ask(each);
  await untilEnded(bot, victims, { closed: false });
  for (const repository of new Set(victims.map((each) => each.repository)))
    for (const { number } of await bot.github.pullRequests(repository))
      await alice.closeIssue(repository, number);
  await reap(bot, victims.length);
  for (const each of asked.filter(({ point }) => !point.closed)) {
    await until(
      "there is room for one more",
      () => Promise.resolve(underWay(input) < mostUnderWay),
      gatherMs,
    );
    await ask(each);
  }
  const missing = () => victims.filter((each) => !stood.has(each)).map(({ point }) => point.id);
  const all = () => Promise.resolve(stood.size === asked.length);
  await until(() => `all stand at their points: ${missing().join(" ")} do not`, all, gatherMs);
}

/** The reaper's round, for which nobody here waits until its clock says so, when GitHub has told of all that is closed. */
async function reap({ database }: Bot, sessions: number): Promise<void> {
  if (sessions === 0) return;
  const over = () => database.system.$count(session, isNotNull(session.endedAt));
  await until("the sessions are over", async () => (await over()) === sessions, gatherMs);
  const queue = await openQueue({
    url: database.url,
    log: createLogger({ logLevel: "silent" }, "storm"),
    mode: "send",
  });
  await queue.enqueue(database.system, "reap", {});
  await queue.stop();
}

const underWay = ({ victims, stood }: { victims: readonly Victim[]; stood: ReadonlySet<Victim> }) =>
  victims.filter((each) => each.point.closed !== true && !stood.has(each)).length;

/** The thread that a process is busy with at a crash point: of its task, its machine, or the delivery that it has before it. */
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
  const { system } = bot.database;
  const rows = point.startsWith("machine-ending")
    ? await system
        .select({ triggerCommentId: task.triggerCommentId })
        .from(task)
        .innerJoin(sandbox, eq(sandbox.sessionId, task.sessionId))
        .where(eq(sandbox.id, subject))
    : await system.select({ triggerCommentId: task.triggerCommentId }).from(task).where(eq(task.id, subject));
  return victims.find(({ commentId }) => rows[0]?.triggerCommentId === commentId) ?? null;
}

/** When each victim's last word was said, or, if it is `closed`, its machine ended. */
async function untilEnded(
  { database }: Bot,
  victims: readonly Victim[],
  { closed }: { closed: boolean },
): Promise<Date[]> {
  const ended = async () => {
    const rows = await database.system
      .select({ commentId: task.triggerCommentId, reportedAt: task.reportedAt, endedAt: sandbox.endedAt })
      .from(task)
      .leftJoin(sandbox, eq(sandbox.sessionId, task.sessionId));
    return victims.map(({ commentId, point }) => {
      const own = rows.filter((row) => row.commentId === commentId);
      const all = own.map(({ reportedAt, endedAt }) => (closed && point.closed ? endedAt : reportedAt));
      const known = all.filter((each) => each !== null);
      return own.length > 0 && known.length === own.length
        ? new Date(Math.max(...known.map((each) => each.getTime())))
        : null;
    });
  };
  let last: (Date | null)[] = [];
  // The blow may have taken the connection of this query too.
  const haveEnded = async () => {
    try {
      last = await ended();
      return !last.includes(null);
    } catch (error) {
      if (isConnectionError(error)) return false;
      throw error;
    }
  };
  const left = () =>
    victims.filter((_, index) => (last[index] ?? null) === null).map(({ point }) => point.id);
  await until(() => `all tasks have ended: ${left().join(" ")} have not`, haveEnded, finishMs);
  return last.filter((each) => each !== null);
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
