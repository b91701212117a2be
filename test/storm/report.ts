import type { Violation } from "./check.ts";
import type { Point } from "./points.ts";
import type { Blow } from "./blows.ts";

export type StormResult = {
  seed: number;
  commit: string;
  date: string;
  /** Tasks that stood at their point when the blow fell. */
  pairs: number;
  points: readonly (Pick<Point, "id" | "what"> & { struck: Partial<Record<Blow, number>> })[];
  /** From the blow to the last word. */
  lastWord: { p50Ms: number; p95Ms: number; maxMs: number };
  violations: readonly Violation[];
};

const words: Record<Blow, string> = {
  SIGKILL: "`SIGKILL` of server and worker",
  SIGSTOP: "`SIGSTOP` of the worker, which is woken when another has ended its tasks",
  SIGTERM: "`SIGTERM` of both, as in a deployment",
  database: "`database`: PostgreSQL ends every connection",
  postgres: "`postgres`: PostgreSQL dies, and comes back after its recovery",
  silence: "`silence`: PostgreSQL says nothing for 40 s, and no connection is closed",
};

/** The page of a run: what was done how often, what came of it, and what that number supports. */
export function renderReport(result: StormResult, command: string): string {
  const { points, pairs, violations, lastWord } = result;
  const kinds = [...new Set(points.flatMap(({ struck }) => Object.keys(struck) as Blow[]))];
  const row = (cells: readonly (string | number)[]) => `| ${cells.join(" | ")} |`;
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
  return `# Reliability

What \`npm run test:storm\` does to the bot, and what came of it. The page is written by the command; nothing on it is by hand.

Tasks of several accounts, each with its own conversation and the real Claude Code against a scripted model, are led to the points at
which a process may die. When all stand there, one blow takes them:

${kinds.map((kind) => `- ${words[kind]}`).join("\n")}

Afterwards what GitHub, the ledger of usage and the list of machines have recorded is held against the promises: one last word, one pair of eyes, one status comment, one pull request, one commit and
one paid attempt for each task, no ref outside \`claude/\`, no branch and no machine left over, no effect of a worker that was overtaken.

- Command: \`${command}\`
- Date and commit: ${result.date}, ${result.commit}; seed ${result.seed}
- **${pairs} pairs of task and blow, ${violations.length} violations.** With none, ${pairs} pairs bound the rate of failure at about ${((3 / pairs) * 100).toFixed(1)} % (95 %).
- From the blow to the last word: p50 ${seconds(lastWord.p50Ms)}, p95 ${seconds(lastWord.p95Ms)}, at most ${seconds(lastWord.maxMs)}.

${row(["point", "where the tasks stood", ...kinds])}
${row(["---", "---", ...kinds.map(() => "---:")])}
${points.map(({ id, what, struck }) => row([id, what, ...kinds.map((kind) => struck[kind] ?? 0)])).join("\n")}
${violations.map(({ promise, where, what }) => `\n- **${promise}** broken at ${where}: ${what}`).join("")}
The bar of this project is 200 kills for each point; how many this run had, the table says. Never struck by this storm: between the acceptance of a
meter event by Stripe and its record (\`test/billing/storm.test.ts\` kills there), and before the end of a machine; faults of GitHub, the model and the sandbox while a
task stands; full disks, jumps of the clock.
`;
}
