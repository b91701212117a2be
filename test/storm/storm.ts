import { execFileSync } from "node:child_process";
import { appendFile, readFile, writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { format, resolveConfig } from "prettier";
import { planOf } from "./plan.ts";
import { renderReport } from "./report.ts";
import type { Recorded, Unit } from "./unit.ts";

/**
 * The storm: tasks are led to the points at which a process may die, and a blow takes them all; GitHub fails at every operation;
 * what the stand-ins have recorded afterwards is held against the promises. Made of units (`--list`), each with servers and a
 * seed of its own: `--only SIGKILL/3 --seed 7` shows one again. `--record FILE` keeps each unit's result as a line of JSON,
 * and what it has already is not run again, so that a run that was cut off goes on. `--report FILE` writes the page of the
 * record, `--tasks` says how many tasks stand at each point, `--short` is the form for CI, `--json` prints the results. The exit code is 1 when a promise was broken.
 */
const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    short: { type: "boolean", default: false },
    only: { type: "string" },
    tasks: { type: "string" },
    list: { type: "boolean", default: false },
    record: { type: "string" },
    report: { type: "string" },
    json: { type: "boolean", default: false },
  },
});
const log = (line: string) => void process.stderr.write(`${line}\n`);
const commit = execFileSync("git", ["describe", "--always", "--dirty", "--exclude=*"], { encoding: "utf8" });

const units = choose(
  planOf(values.short ? "short" : "full", values.tasks === undefined ? undefined : Number(values.tasks)),
  values.only,
);
if (values.list) {
  process.stdout.write(units.map(({ name }) => `${name}\n`).join(""));
  process.exit(0);
}
const done = values.record === undefined ? [] : await readRecord(values.record);
const seed = Number(values.seed ?? done[0]?.seed ?? Date.now() % 1_000_000);
log(`seed ${seed}, ${units.length} units, ${done.length} of them on record`);
const results: Recorded[] = [];
const unfinished: string[] = [];
for (const unit of units) {
  const recorded = done.find(({ name }) => name === unit.name);
  try {
    results.push(recorded ?? (await run(unit)));
  } catch (error) {
    // Not on record, so the next run has it again.
    unfinished.push(`${unit.name} did not come to its end: ${String(error)}`);
    log(unfinished.at(-1) ?? "");
  }
}

if (values.report !== undefined) {
  const page = renderReport(results);
  const style = await resolveConfig(values.report);
  await writeFile(values.report, await format(page, { ...style, filepath: values.report }));
}
const broken = results.flatMap(({ name, result }) =>
  result.violations.map(({ promise, where, what }) => `${promise} broken in ${name} at ${where}: ${what}`),
);
if (values.json) process.stdout.write(`${JSON.stringify({ seed, results }, null, 2)}\n`);
else
  process.stdout.write(
    [...broken, ...unfinished, `${results.length} units, ${broken.length} violations; seed ${seed}`, ""].join(
      "\n",
    ),
  );
process.exitCode = broken.length + unfinished.length > 0 ? 1 : 0;

async function run(unit: Unit): Promise<Recorded> {
  const since = performance.now();
  const result = await unit.run({ seed, log: (line) => log(`${unit.name}: ${line}`) });
  log(
    `${unit.name}: ${result.violations.length} violations, ${Math.round((performance.now() - since) / 1000)} s`,
  );
  const date = new Date().toISOString().slice(0, 10);
  const recorded = { name: unit.name, seed, commit: commit.trim(), date, result };
  if (values.record !== undefined) await appendFile(values.record, `${JSON.stringify(recorded)}\n`);
  return recorded;
}

async function readRecord(path: string): Promise<Recorded[]> {
  const text = await readFile(path, { encoding: "utf8", flag: "a+" });
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Recorded);
}

/** Those whose name is given, or begins with a given name and a slash. */
function choose(all: readonly Unit[], only: string | undefined): Unit[] {
  if (only === undefined) return [...all];
  return only.split(",").flatMap((wanted) => {
    const found = all.filter(({ name }) => name === wanted || name.startsWith(`${wanted}/`));
    if (found.length === 0)
      throw new Error(`--only: expected names of units (see --list) or what they begin with, got ${wanted}`);
    return found;
  });
}
