import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

/**
 * `npm run bench`: every benchmark after the other, each a process of its own, and their figures as one JSON object.
 * Arguments name the ones to run, such as `npm run bench -- task`.
 */
const all = [
  "intake",
  "queue",
  "gateway",
  "task",
  "memory",
  "resume",
  "checkpoint",
  "sessions",
  "reaction",
  "context",
  "ledger",
  "requests",
  "audit",
] as const;

const wanted = process.argv.slice(2).filter((argument) => !argument.startsWith("--"));
const unknown = wanted.filter((name) => !all.some((known) => known === name));
if (unknown.length > 0) {
  process.stderr.write(`There is no benchmark ${unknown.join(", ")}; there are ${all.join(", ")}.\n`);
  process.exit(2);
}
const figures: Record<string, unknown> = {};
for (const name of wanted.length === 0 ? all : wanted) {
  process.stderr.write(`${name} …\n`);
  Object.assign(figures, await run(name));
}
process.stdout.write(`${JSON.stringify(figures, null, 2)}\n`);

async function run(name: string): Promise<object> {
  const script = fileURLToPath(new URL(`${name}.ts`, import.meta.url));
  const child = spawn(process.execPath, [script], { stdio: ["ignore", "pipe", "inherit"] });
  const out: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
  const code = await new Promise((resolve) => child.once("close", resolve));
  if (code !== 0) throw new Error(`the benchmark ${name} ended with ${String(code)}`);
  return JSON.parse(Buffer.concat(out).toString("utf8")) as object;
}
