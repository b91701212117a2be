import { spawn } from "node:child_process";
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { openStage, type Stage } from "../demo/stage.ts";
import { findClaude } from "../src/sandbox/find-tool.ts";
import { answer, use, type Scenario } from "../test/standins/model/reply.ts";

/**
 * From the comment to the draft pull request with the shortest agent turn, against bench/task-script.sh, which does
 * the same steps without a bot: in turns on one machine, medians. `task.own_ms` is the bot's time without the agent's
 * turn. Prints one JSON object.
 */
const rounds = 7;

/** The bot works off the events of what was made just now, which is no part of what is timed next. */
const calmMs = 1_000;

const silentTeller = {
  say: () => undefined,
  step: () => undefined,
  quote: () => undefined,
  diff: () => undefined,
};

const writeOneFile: Scenario = ({ turn }) =>
  turn === 0
    ? answer(use("Bash", { command: "echo turned > turn.txt", description: "Write the file" }))
    : answer("I wrote turn.txt.");

const listed = z.looseObject({ tasks: z.array(z.looseObject({ id: z.string() })) });
const shown = z.looseObject({
  steps: z.array(z.looseObject({ name: z.string(), result: z.unknown() })),
});
const turnResult = z.looseObject({ durationMs: z.number() });

const stage = await openStage(silentTeller, { scenario: writeOneFile });
try {
  const bot: number[] = [];
  const script: number[] = [];
  const own: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const botMs = await runBot(stage, round);
    const turnMs = await readTurnMs(stage);
    await delay(calmMs);
    const scriptMs = await runScript(stage, round);
    // The first round warms the mirror, the caches and the code.
    if (round === 0) continue;
    bot.push(botMs);
    own.push(botMs - turnMs);
    script.push(scriptMs);
  }
  const figures = {
    "task.overhead_vs_script": round2(median(bot) / median(script)),
    "task.bot_ms": Math.round(median(bot)),
    "task.script_ms": Math.round(median(script)),
    "task.own_ms": Math.round(median(own)),
    "task.rounds": rounds,
  };
  process.stdout.write(`${JSON.stringify(figures, null, 2)}\n`);
} finally {
  await stage.close();
}
process.exit();

async function runBot({ github, repository }: Stage, round: number): Promise<number> {
  const alice = github.as("alice");
  const issue = await alice.createIssue(repository, { title: `Write turn ${round}` });
  // Reading the pull requests themselves would run git ten times a second beside the bot.
  await delay(calmMs);
  const opened = () => github.effects.filter(({ operationId }) => operationId === "pulls/create").length;
  const before = opened();
  const since = performance.now();
  await alice.comment(repository, issue.number, "/claude write turn.txt");
  while (opened() === before) await delay(5);
  return performance.now() - since;
}

async function readTurnMs(stage: Stage): Promise<number> {
  const [newest] = listed.parse(await stage.cli(["tasks", "--json", "--limit", "1"])).tasks;
  const { steps } = shown.parse(await stage.cli(["show", newest?.id ?? "", "--json"]));
  return turnResult.parse(steps.find(({ name }) => name.startsWith("agent:"))?.result).durationMs;
}

async function runScript({ github, repository, model }: Stage, round: number): Promise<number> {
  if (model.kind !== "scripted")
    throw new Error("the benchmark needs the scripted model: unset ANTHROPIC_API_KEY");
  const claude = await findClaude(null);
  if (claude === null) throw new Error("the benchmark needs Claude Code: run npm ci");
  const since = performance.now();
  const child = spawn(
    fileURLToPath(new URL("task-script.sh", import.meta.url)),
    [
      `${github.url}/${repository}.git`,
      `${github.apiUrl}/repos/${repository}`,
      `script-${round}`,
      "write turn.txt",
    ],
    {
      env: {
        PATH: `${dirname(claude)}:${process.env.PATH ?? ""}`,
        TOKEN: github.as("alice").token,
        IS_SANDBOX: "1",
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
        DISABLE_AUTOUPDATER: "1",
        CLAUDE_CODE_ENABLE_TASKS: "0",
        ANTHROPIC_BASE_URL: model.standin.url,
        ANTHROPIC_API_KEY: "sk-ant-standin",
      },
      stdio: ["ignore", "inherit", "inherit"],
    },
  );
  const code = await new Promise((resolve) => child.once("close", resolve));
  if (code !== 0) throw new Error(`the script ended with ${String(code)}`);
  return performance.now() - since;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function round2(value: number): number {
  return Math.round(value * 100) / 100;
}
