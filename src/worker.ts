import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { Probot, ProbotOctokit } from "probot";
import { openDatabase } from "../db/client.ts";
import { createApp } from "./app.ts";
import { openPlans, type Plans } from "./billing/open-plans.ts";
import { systemClock } from "./clock.ts";
import { readConfig, type Config } from "./config.ts";
import type { Deps } from "./deps.ts";
import { UserError } from "./errors.ts";
import { knownSecrets } from "./github/known-secrets.ts";
import { createRedactor } from "./github/redact.ts";
import { createGitHub } from "./github/octokit.ts";
import { createLogger } from "./log.ts";
import { isMain, runProcess } from "./process.ts";
import { jobs, type JobHandlers, type JobPayload } from "./queue/jobs.ts";
import type { DeadJob } from "./queue/slots.ts";
import { openQueue } from "./queue/queue.ts";
import { openFleet } from "./sandbox/open-fleet.ts";
import { noteKeys } from "./storage/note-keys.ts";
import { openCheckpointStorage } from "./storage/open-checkpoint-storage.ts";
import { expireCheckpoints } from "./sessions/expire-checkpoints.ts";
import { pauseIdleSandboxes } from "./sessions/pause-idle.ts";
import { reapSandboxes } from "./sessions/reap-sandboxes.ts";
import { recordMinted } from "./tasks/record-minted.ts";
import { reportTask } from "./tasks/report-task.ts";
import { hearStop } from "./tasks/hear-stop.ts";
import { steerChannel } from "./tasks/steering-store.ts";
import { giveUpTask, runTask, type RunningTasks } from "./tasks/run-task.ts";
import { cancelChannel } from "./tasks/task-store.ts";
import { showPlaces } from "./tasks/show-places.ts";
import { sweepTasks } from "./tasks/sweep-tasks.ts";
import { lookAtChecks } from "./webhooks/checks-look.ts";
import { lookForConflict } from "./webhooks/conflict-look.ts";
import { startFeedbackTask } from "./webhooks/collect-feedback.ts";
import { expireDeliveries } from "./webhooks/expire-deliveries.ts";
import { createPlanJobs } from "./webhooks/plan-jobs.ts";
import { openDeliveryStore, type DeliveryStore } from "./webhooks/intake-store.ts";
import { readSettings } from "./web/settings-file.ts";
import { recoverMissedDeliveries } from "./webhooks/missed-deliveries.ts";
import { createAppDeliveries } from "./github/app-deliveries.ts";
import { giveUpDelivery, receiveDelivery } from "./webhooks/receive.ts";

export type Worker = {
  /** Stops fetching, interrupts running agents, hands their tasks back, closes everything. */
  stop(): Promise<void>;
};

/** How long a drain may take before the remaining jobs are handed back unasked. */
const drainTimeoutMs = 20_000;

/** What continues things: job name -> function. Resolves once the worker takes jobs. */
export async function startWorker(
  config: Config & { databaseUrl: string },
  log = createLogger(config, "worker"),
): Promise<Worker> {
  const { app } = config;
  if (app === null) {
    throw new UserError(
      "no-app",
      "The worker needs a GitHub App, and none is configured.",
      "Start the server alone and open /setup, or set APP_ID, PRIVATE_KEY and WEBHOOK_SECRET.",
    );
  }
  await mkdir(join(config.dataDir, "tmp"), { recursive: true, mode: 0o700 });
  const sandboxes = await openFleet(config, log);
  const isolation = await sandboxes.probe();
  const checkpoints = await openCheckpointStorage(config, { log });
  const database = openDatabase({ url: config.databaseUrl, log });
  const queue = await openQueue({ url: config.databaseUrl, log });
  const { db, system } = database;
  const plans = await openPlans(config.billing, { db, system, log, clock: systemClock });
  const deps: Deps = {
    config: { ...config, app },
    log,
    clock: systemClock,
    database,
    ...{ db, system, queue },
    ...(plans === null ? {} : { plans }),
    github: createGitHub({
      config: { ...config, app },
      log,
      onMinted: (minted) => recordMinted(database, minted),
    }),
    sandboxes,
    isolation,
    checkpoints,
    redact: createRedactor(knownSecrets(config)),
  };
  await noteKeys(deps);
  const probot = await createProbot(deps);
  const running: RunningTasks = new Map();
  const stopListening = await database.listen(cancelChannel, (taskId) => hearStop(deps, running, taskId));
  const stopSteering = await database.listen(steerChannel, (taskId) => running.get(taskId)?.steer());
  const deliveries = openDeliveryStore({ url: config.databaseUrl, system: database.system, queue });
  await queue.work(createHandlers(deps, { probot, running, deliveries, plans }), {
    concurrency: config.limits.concurrency,
    onDead: (dead) => buryJob(deps, dead),
  });
  const ofPlans = plans === null ? [] : (["stripe-events", "send-charges"] as const);
  for (const job of ["sweep", "pause-idle", ...ofPlans] as const) await queue.schedule(job, "* * * * *");
  await queue.schedule("reap", "*/5 * * * *");
  for (const job of ["expire-checkpoints", "expire-deliveries"] as const)
    await queue.schedule(job, "17 * * * *");
  if (plans !== null) await queue.schedule("reconcile-charges", "41 * * * *");
  await queue.schedule("missed-deliveries", `*/${config.missedDeliveriesMinutes} * * * *`);
  // What happened while nothing ran must not wait for the first tick.
  await queue.enqueue(deps.system, "missed-deliveries", {});
  await queue.enqueue(deps.system, "sweep", {});
  log.info({ isolation, concurrency: config.limits.concurrency }, "the worker takes jobs");
  return {
    async stop() {
      await queue.stop({ timeoutMs: drainTimeoutMs });
      await stopListening();
      await stopSteering();
      await deliveries.close();
      await database.close();
      log.info("the worker has stopped");
    },
  };
}

type WorkerParts = {
  probot: Probot;
  running: RunningTasks;
  deliveries: DeliveryStore;
  plans: Plans | null;
};

function createHandlers(deps: Deps, { probot, running, deliveries, plans }: WorkerParts): JobHandlers {
  const look = (payload: JobPayload<"checks">) => lookAtChecks(deps, payload);
  return {
    intake: ({ deliveryId }) => receiveDelivery({ system: deps.system, probot }, deliveryId),
    "run-task": (payload, context) => runTask(deps, running, payload, context),
    "report-task": (payload) => reportTask(deps, payload),
    sweep: () => sweepTasks(deps),
    "missed-deliveries": async (_payload, { signal }) => {
      const listed = createAppDeliveries(deps.github.app);
      await recoverMissedDeliveries({ ...deps, deliveries: listed, store: deliveries }, { signal });
    },
    "show-places": async (payload) => {
      const againMs = await showPlaces(deps, payload);
      if (againMs === null) return;
      await deps.queue.enqueue(deps.system, "show-places", payload, { startAfterMs: againMs });
    },
    feedback: (payload) => startFeedbackTask(deps, payload),
    checks: look,
    "checks-later": look,
    conflict: (payload) => lookForConflict(deps, payload),
    ...createPlanJobs(deps, plans),
    reap: () => reapSandboxes(deps),
    "pause-idle": () => pauseIdleSandboxes(deps),
    "expire-checkpoints": () => expireCheckpoints(deps),
    "expire-deliveries": () => expireDeliveries(deps),
  };
}

/** A job that failed for good still owes somebody an answer. */
async function buryJob(deps: Deps, { name, payload, error }: DeadJob): Promise<void> {
  if (name === "run-task") await giveUpTask(deps, jobs[name].payload.parse(payload), error);
  if (name === "intake") await giveUpDelivery(deps, jobs[name].payload.parse(payload), error);
}

/**
 * Probot runs our handlers and nothing else: webhooks reach it from the database, and its own clients, which
 * repeat failed writes, are switched off.
 */
async function createProbot(deps: Deps): Promise<Probot> {
  const { app, github } = deps.config;
  const probot = new Probot({
    appId: app.id,
    privateKey: app.privateKey,
    secret: app.webhookSecrets[0],
    baseUrl: github.apiUrl,
    log: deps.log.child({ name: "probot" }, { level: "fatal" }),
    Octokit: ProbotOctokit.defaults((options: object) => ({
      ...options,
      throttle: { enabled: false },
      retry: { enabled: false },
    })),
  });
  await probot.load(createApp(deps));
  return probot;
}

if (isMain(import.meta.url)) {
  await runProcess("worker", async () => {
    const config = readConfig(readSettings(".env", process.env));
    const { databaseUrl } = config;
    if (databaseUrl === null) {
      throw new UserError(
        "no-database",
        "The worker on its own needs DATABASE_URL.",
        "Set it, or use `npm start`, which brings its own PostgreSQL.",
      );
    }
    return startWorker({ ...config, databaseUrl });
  });
}
