import { blows, type Blow } from "./blows.ts";
import { points } from "./points.ts";
import type { FaultsOfOperation, MeasuredRow, Recorded, RoundOfBlows } from "./unit.ts";

const row = (cells: readonly (string | number)[]) => `| ${cells.join(" | ")} |`;

/** The page of a run: what was done how often, what came of it, and what that number supports. */
export function renderReport(recorded: readonly Recorded[]): string {
  const rounds = recorded.flatMap(({ result }) => (result.kind === "round" ? [result] : []));
  const faults = recorded.flatMap(({ result }) => (result.kind === "faults" ? [result] : []));
  const rows = recorded.flatMap(({ result }) => (result.kind === "row" ? [result] : []));
  const violations = recorded.flatMap(({ name, result }) =>
    result.violations.map((each) => ({ ...each, name })),
  );
  const of = (values: readonly string[]) => [...new Set(values)].toSorted().join(", ");
  return `# Reliability

What \`npm run test:storm\` does to the bot, and what came of it. The page is written by the command from the record of a run; nothing
on it is by hand.

- Command: \`npm run test:storm -- --seed ${of(recorded.map(({ seed }) => String(seed)))} --record storm.jsonl --report docs/reliability.md\`
- Run on ${of(recorded.map(({ date }) => date))}, commit ${of(recorded.map(({ commit }) => commit))}
- **${recorded.length} units, ${violations.length} violations.**
${violations.map(({ promise, name, where, what }) => `- **${promise}** broken in ${name} at ${where}: ${what}`).join("\n")}
${rounds.length > 0 ? renderRounds(rounds) : ""}
${faults.length > 0 ? renderFaults(faults) : ""}
${rows.length > 0 ? renderRows(rows) : ""}
`;
}

function renderRounds(rounds: readonly RoundOfBlows[]): string {
  const kinds = (Object.keys(blows) as Blow[]).filter((kind) => rounds.some(({ blow }) => blow === kind));
  const pairsOf = (kind: Blow) => rounds.filter(({ blow }) => blow === kind).flatMap(({ pairs }) => pairs);
  const known = points.filter(({ id }) =>
    rounds.some(({ pairs }) => pairs.some(({ point }) => point === id)),
  );
  const total = rounds.flatMap(({ pairs }) => pairs).length;
  return `
## Blows

Tasks of many accounts, each with its own conversation and the real Claude Code against a scripted model, are led to the points at
which a process may die. When all stand there, one blow takes them:

${kinds.map((kind) => `- ${blows[kind].what}`).join("\n")}

Afterwards what GitHub, the ledger of usage and the list of machines have recorded is held against the promises: one last word, one pair of eyes, one status comment, one pull request, one commit and
one paid attempt for each task, no ref outside \`claude/\`, no branch and no machine left over, no effect of a worker that was overtaken.

**${total} pairs of task and blow.** A column's foot says what its number bounds when nothing was broken (95 %), and how long after the blow the
last word came.

${row(["point", "where the tasks stood", ...kinds.map((kind) => `\`${kind}\``)])}
${row(["---", "---", ...kinds.map(() => "---:")])}
${known
  .map(({ id, what }) =>
    row([id, what, ...kinds.map((kind) => pairsOf(kind).filter(({ point }) => point === id).length)]),
  )
  .join("\n")}
${row(["", "pairs", ...kinds.map((kind) => pairsOf(kind).length)])}
${row(["", "rate of failure below", ...kinds.map((kind) => `${((3 / pairsOf(kind).length) * 100).toFixed(1)} %`)])}
${row(["", "last word after, p95", ...kinds.map((kind) => seconds(pairsOf(kind), 0.95))])}
${row(["", "last word after, at most", ...kinds.map((kind) => seconds(pairsOf(kind), 1))])}

K14, between Stripe's acceptance of a charge and its record, is struck by \`npx vitest run test/billing/storm.test.ts\`.
`;
}

function seconds(pairs: readonly { resumedMs: number }[], share: number): string {
  const sorted = pairs.map(({ resumedMs }) => resumedMs).toSorted((a, b) => a - b);
  return `${((sorted[Math.ceil(sorted.length * share) - 1] ?? 0) / 1000).toFixed(1)} s`;
}

function renderFaults(faults: readonly FaultsOfOperation[]): string {
  const kinds = [...new Set(faults.flatMap(({ cells }) => cells.map(({ fault }) => fault)))];
  const tasks = faults.flatMap(({ cells }) => cells).reduce((sum, cell) => sum + cell.tasks, 0);
  return `
## GitHub's faults

One task for each row and column, and as often as the cell says, met that fault at its first request of that operation: ${tasks} tasks.
The cell says how many of them did their work all the same; each of the others said so in its thread.

${row(["operation", ...kinds])}
${row(["---", ...kinds.map(() => "---:")])}
${faults
  .map(({ operation, cells }) =>
    row([
      `\`${operation}\``,
      ...kinds.map((kind) => {
        const cell = cells.find(({ fault }) => fault === kind);
        return cell === undefined ? "" : `${cell.completed} of ${cell.tasks}`;
      }),
    ]),
  )
  .join("\n")}
`;
}

function renderRows(rows: readonly MeasuredRow[]): string {
  return `
## Load, forgery, deployments

${row(["what", "load", "n", "result", "holds"])}
${row(["---", "---", "---:", "---", "---"])}
${rows.map(({ row: { area, load, n, result, holds } }) => row([area, load, n, result, holds ? "yes" : "**no**"])).join("\n")}
`;
}
