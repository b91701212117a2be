import { execFileSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { format, resolveConfig } from "prettier";
import { end, openBot, type Bot } from "../../bench/bot/open-bot.ts";
import { startModel } from "../standins/model/start-model.ts";
import { writeFiles } from "../standins/model/scenarios.ts";
import { findFreePort } from "../support/free-port.ts";
import { type Blow, blows } from "./blows.ts";
import { check } from "./check.ts";
import { historyOf } from "./history.ts";
import { points, type Point } from "./points.ts";
import { createRandom } from "./random.ts";
import { renderReport, type StormResult } from "./report.ts";
import { strike, type Victim } from "./round.ts";

/**
 * The storm: tasks of several accounts are led to the points at which a process may die, and one blow takes them all; what the
 * stand-ins have recorded afterwards is held against the promises. `--seed` replays, `--rounds` repeats, `--blows` and `--points`
 * choose, `--report FILE` writes the page. The exit code is 1 when a promise was broken.
 */
const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    rounds: { type: "string", default: "1" },
    blows: { type: "string", default: Object.keys(blows).join(",") },
    points: { type: "string", default: points.map(({ id }) => id).join(",") },
    report: { type: "string" },
    json: { type: "boolean", default: false },
  },
});
const seed = values.seed === undefined ? Date.now() % 1_000_000 : Number(values.seed);
const random = createRandom(seed);
const chosen = chooseFrom(
  "--points",
  values.points,
  points.map(({ id }) => id),
).flatMap((id) => points.filter((point) => point.id === id));
const falling = chooseFrom("--blows", values.blows, Object.keys(blows) as Blow[]);
const log = (line: string) => void process.stderr.write(`${line}\n`);
const owners = 4;
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
const struck: { victim: Victim; blow: Blow }[] = [];
const lastWordMs: number[] = [];
const lateEffects: string[] = [];
try {
  const repositories = await openRepositories(bot);
  for (let round = 0; round < Number(values.rounds); round += 1)
    for (const blow of falling) await fall(blow, repositories);
  const victims = struck.map(({ victim }) => victim);
  const violations = check(await historyOf(bot, { victims, repositories, lateEffects }));
  await say(toResult(violations));
  if (violations.length > 0) process.exitCode = 1;
} finally {
  await bot.close();
  await model.close();
}

async function fall(blow: Blow, repositories: readonly string[]): Promise<void> {
  // A server that stands still answers nobody; nothing of a task is in it.
  const at = random.shuffle(chosen.filter(({ of }) => blow !== "SIGSTOP" || of === "worker"));
  const threads = await Promise.all(
    at.map(async (point: Point) => {
      const repository = repositories[random.below(repositories.length)] ?? "";
      const { number } = await bot.github
        .as("alice")
        .createIssue(repository, { title: `Struck at ${point.id}` });
      return { repository, issue: number, point };
    }),
  );
  const result = await strike(bot, { victims: threads, blow, standMs: random.below(500), env, log });
  struck.push(...result.struck.map((victim) => ({ victim, blow })));
  lastWordMs.push(...result.resumedMs);
  lateEffects.push(...result.lateEffects);
  const seconds = Math.round(Math.max(...result.resumedMs) / 1000);
  log(
    `${blow} at ${result.struck.map(({ point }) => point.id).join(" ")}: the last one ended after ${seconds} s`,
  );
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

function toResult(violations: StormResult["violations"]): StormResult {
  const sorted = lastWordMs.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.ceil(sorted.length * share) - 1] ?? 0;
  const count = (id: string, blow: Blow) =>
    struck.filter((each) => each.blow === blow && each.victim.point.id === id).length;
  return {
    seed,
    commit: execFileSync("git", ["describe", "--always", "--dirty", "--exclude=*"], {
      encoding: "utf8",
    }).trim(),
    date: new Date().toISOString().slice(0, 10),
    pairs: struck.length,
    points: chosen.map(({ id, what }) => ({
      ...{ id, what },
      struck: Object.fromEntries(falling.map((blow) => [blow, count(id, blow)])),
    })),
    lastWord: { p50Ms: at(0.5), p95Ms: at(0.95), maxMs: at(1) },
    violations,
  };
}

async function say(result: StormResult): Promise<void> {
  if (values.report !== undefined) {
    const words = ["--seed", seed, "--rounds", values.rounds, "--blows", values.blows].join(" ");
    const page = renderReport(result, `npm run test:storm -- ${words}`);
    const style = await resolveConfig(values.report);
    await writeFile(values.report, await format(page, { ...style, filepath: values.report }));
  }
  if (values.json) {
    process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
    return;
  }
  for (const { id, what, struck: by } of result.points)
    process.stdout.write(
      `${id.padEnd(4)} ${falling.map((blow) => `${by[blow] ?? 0} ${blow}`).join(", ")}: ${what}\n`,
    );
  for (const { promise, where, what } of result.violations)
    process.stdout.write(`${promise} broken at ${where}: ${what}\n`);
  process.stdout.write(
    `${result.pairs} pairs of task and blow, ${result.violations.length} violations; last word p95 ${result.lastWord.p95Ms} ms after the blow; seed ${seed}\n`,
  );
}

function chooseFrom<T extends string>(option: string, given: string, known: readonly T[]): T[] {
  return given.split(",").map((word) => {
    const found = known.find((each) => each === word);
    if (found === undefined) throw new Error(`${option}: expected some of ${known.join(", ")}, got ${word}`);
    return found;
  });
}
