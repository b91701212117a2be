import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { openStage } from "../demo/stage.ts";
import { hang } from "../test/standins/model/scenarios.ts";

/**
 * Resident memory of the bot's own processes, from /proc: server and worker when nothing runs, and what the worker
 * grows by for each running task (its sandbox and Claude Code are processes of their own). Prints one JSON object.
 */
const tasks = 8;
const settleMs = 5_000;

const silentTeller = {
  say: () => undefined,
  step: () => undefined,
  quote: () => undefined,
  diff: () => undefined,
};
const parallel = { WORKER_CONCURRENCY: String(tasks), ACCOUNT_MAX_PARALLEL_TASKS: String(tasks) };

const stage = await openStage(silentTeller, { scenario: hang(), env: parallel });
try {
  await delay(settleMs);
  const server = await findChild("server.ts");
  const worker = await findChild("worker.ts");
  const idle = {
    server: await rssMb(server),
    worker: await rssMb(worker),
    supervisor: await rssMb(stage.botPid),
  };
  const alice = stage.github.as("alice");
  if (stage.model.kind !== "scripted")
    throw new Error("the benchmark needs the scripted model: unset ANTHROPIC_API_KEY");
  for (let n = 0; n < tasks; n++) {
    const issue = await alice.createIssue(stage.repository, { title: `Run ${n}` });
    await alice.comment(stage.repository, issue.number, "/claude run for ever");
  }
  await stage.model.standin.until((requests) => requests.length >= tasks);
  await delay(settleMs);
  const busy = await rssMb(worker);
  const figures = {
    "server.rss_idle_mb": idle.server,
    "worker.rss_idle_mb": idle.worker,
    "supervisor.rss_idle_mb": idle.supervisor,
    "server_and_worker.rss_idle_mb": idle.server + idle.worker,
    "worker.rss_per_running_task_mb": Math.round(((busy - idle.worker) / tasks) * 10) / 10,
    "memory.running_tasks": tasks,
  };
  process.stdout.write(`${JSON.stringify(figures, null, 2)}\n`);
} finally {
  await stage.close();
}
process.exit();

async function findChild(script: string): Promise<number> {
  const children = await readFile(`/proc/${stage.botPid}/task/${stage.botPid}/children`, "utf8");
  for (const pid of children.trim().split(" ").map(Number)) {
    if ((await readFile(`/proc/${pid}/cmdline`, "utf8")).includes(script)) return pid;
  }
  throw new Error(`the bot has no process ${script}`);
}

async function rssMb(pid: number): Promise<number> {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, "utf8"))?.[1];
  return Math.round(Number(kilobytes) / 1024);
}
