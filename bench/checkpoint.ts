import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eq } from "drizzle-orm";
import { openDatabase } from "../db/client.ts";
import { migrateUp } from "../db/migrate.ts";
import { session, task } from "../db/schema.ts";
import { readConfig } from "../src/config.ts";
import { startEmbeddedPostgres } from "../src/embedded-postgres.ts";
import { mirrorHas } from "../src/github/mirror-has.ts";
import { updateMirror } from "../src/github/mirror.ts";
import { createLogger } from "../src/log.ts";
import { installQueue } from "../src/queue/queue.ts";
import { machineLayout } from "../src/sandbox/local-layout.ts";
import { openFleet } from "../src/sandbox/open-fleet.ts";
import type { Sandbox } from "../src/sandbox/sandbox.ts";
import { openMachine } from "../src/sessions/open-machine.ts";
import { openSession, prepareSession } from "../src/sessions/open-session.ts";
import type { Session } from "../src/sessions/session-store.ts";
import { takeCheckpoint } from "../src/sessions/take-checkpoint.ts";
import { transcriptPath } from "../src/sessions/transcript-path.ts";
import { openCheckpointStorage } from "../src/storage/open-checkpoint-storage.ts";
import { assertFence } from "../src/tasks/fence-store.ts";
import { both } from "../src/tasks/both.ts";
import { createTurn } from "../test/gateway/fixture.ts";
import { startGitHub } from "../test/standins/github/github.ts";
import { scriptedCheckpoint, scriptedClone } from "./checkpoint/by-hand.ts";
import { median } from "./bot/median.ts";
import { makeRepository, repositorySize } from "./repository/make-repository.ts";

/**
 * What the bot adds to git on a repository of 3,600 files, in machines of this host: opening a new session's machine from a
 * mirror in which nothing is new, against a clone of the mirror by hand; and the checkpoint after a turn, against git's
 * own commands for the same, timed in the same machine. In turns; prints one JSON object.
 */
const rounds = 5;
/** As large as after a turn of some calls. */
const transcriptBytes = 300_000;

const folder = await mkdtemp(join(tmpdir(), "bench-checkpoint-"));
const postgres = await startEmbeddedPostgres({ dataDir: await makeFolder("postgres") });
await migrateUp(postgres.url, { afterUp: installQueue });
const database = openDatabase({ url: postgres.url });
const github = await startGitHub();
const dataDir = await makeFolder("data");
const app = { id: 1, privateKey: "unused", webhookSecrets: ["unused"] as const };
const config = { ...readConfig({ DATA_DIR: dataDir, DATABASE_URL: postgres.url }), app };
const log = createLogger({ logLevel: "silent" }, "bench");
const sandboxes = await openFleet(config, log);
await sandboxes.probe();
const checkpoints = await openCheckpointStorage(config, { log });
const { db, system } = database;
const deps = { config, log, sandboxes, checkpoints, db, system };
try {
  github.createUser("alice");
  const { cloneUrl, directory } = await github.createRepository({
    owner: "alice",
    name: "large",
    empty: true,
  });
  await makeRepository(directory);
  const source = { dataDir, repositoryId: 1, remoteUrl: cloneUrl, token: github.as("alice").token };
  await updateMirror(source);
  process.stdout.write(`${JSON.stringify(await measure(source), null, 2)}\n`);
} finally {
  await github.close();
  await database.close();
  await postgres.stop();
  await rm(folder, { recursive: true, force: true, maxRetries: 3 });
}

type Source = Parameters<typeof updateMirror>[0];

async function measure(source: Source) {
  const taken = {
    openMs: [] as number[],
    cloneMs: [] as number[],
    checkpointMs: [] as number[],
    gitMs: [] as number[],
  };
  for (let round = 0; round <= rounds; round += 1) {
    const byHandFirst = round % 2 === 1;
    const before = byHandFirst ? await cloneByHand(source) : null;
    const turn = await newTurn();
    await settleDisk();
    const since = performance.now();
    const sandbox = await open(source, turn);
    const openMs = performance.now() - since;
    const cloneMs = before ?? (await cloneByHand(source));
    await workInIt(sandbox, turn.session);
    const gitFirst = byHandFirst ? await scriptedCheckpoint(sandbox, turn.sha) : null;
    const checkpointMs = await checkpoint(sandbox, turn);
    const gitMs = gitFirst ?? (await scriptedCheckpoint(sandbox, turn.sha));
    await sandboxes.kill(sandbox);
    // The first round warms the caches and the code.
    if (round === 0) continue;
    taken.openMs.push(openMs);
    taken.cloneMs.push(cloneMs);
    taken.checkpointMs.push(checkpointMs);
    taken.gitMs.push(gitMs);
  }
  const raw = Object.fromEntries(
    Object.entries(taken).map(([name, values]) => [name, Math.round(median(values))]),
  );
  return {
    "open.beyond_clone_ms": beyond(taken.openMs, taken.cloneMs),
    "checkpoint.beyond_git_ms": beyond(taken.checkpointMs, taken.gitMs),
    raw: { ...raw, rounds, repository: repositorySize, transcriptBytes },
  };
}

function beyond(ours: readonly number[], theirs: readonly number[]): number {
  return Math.round(median(ours) - median(theirs));
}

type Turn = { accountId: string; taskId: string; fence: number; session: Session; sha: string };

async function newTurn(): Promise<Turn> {
  const { accountId, taskId, fence, sessionId } = await createTurn(database);
  const [found] = await system.select().from(session).where(eq(session.id, sessionId));
  const [owner] = await system.select().from(task).where(eq(task.id, taskId));
  if (found === undefined || owner === undefined) throw new Error("expected a session and a task");
  return { accountId, taskId, fence, session: found, sha: await headSha() };
}

async function headSha(): Promise<string> {
  const { main } = await github.branches("alice/large");
  if (main === undefined) throw new Error("expected a branch main");
  return main;
}

/** As a task does it: the machine, and beside it the mirror and the checkout, which then goes into it. */
async function open(source: Source, { session, taskId, fence, sha }: Turn): Promise<Sandbox> {
  const filling = {
    ...{ session, headSha: sha, remoteUrl: source.remoteUrl },
    ...{ directory: await mkdtemp(join(folder, "attempt-")), signal: new AbortController().signal },
  };
  const prepare = async () => {
    const { path: mirrorPath } = await updateMirror({ ...source, sha });
    return { mirrorPath, prepared: await prepareSession({ ...filling, mirrorPath }) };
  };
  const [machine, { mirrorPath, prepared }] = await both(
    openMachine(deps, { session, taskId, fence, timeoutMs: 60_000 }),
    prepare(),
  );
  await openSession(deps, machine, {
    ...{ ...filling, mirrorPath, prepared },
    mirrorHas: (wanted) => mirrorHas(mirrorPath, wanted),
  });
  return machine.sandbox;
}

async function cloneByHand(source: Source): Promise<number> {
  const { accountId: session } = await createTurn(database);
  const metadata = { app: sandboxes.app, session, fence: "1" };
  const sandbox = await sandboxes.create({ metadata, timeoutMs: 60_000, egress: [] });
  const { workspace } = machineLayout(join(dataDir, "sandboxes"), sandbox.id);
  const mirrorPath = join(dataDir, "mirrors", `${source.repositoryId}.git`);
  await settleDisk();
  const tookMs = await scriptedClone(sandbox, { mirrorPath, hostPath: join(workspace, "repo") });
  await sandboxes.kill(sandbox);
  return tookMs;
}

/** What a turn leaves behind: some changed files, some new ones, and the conversation. */
async function workInIt(sandbox: Sandbox, { claudeSessionId }: Session): Promise<void> {
  const script =
    'for file in $(git ls-files | head -20); do echo "// changed" >>"$file"; done; for n in 1 2 3 4 5; do date >"new-$n.txt"; done';
  const result = await sandbox.exec({
    argv: ["/bin/sh", "-c", script],
    cwd: sandbox.paths.repo,
    timeoutMs: 60_000,
  });
  if (result.exitCode !== 0) throw new Error(`the work was to be done: ${result.stderrTail}`);
  const line = `${JSON.stringify({ type: "assistant", text: "Some words of a conversation. ".repeat(30) })}\n`;
  const transcript = line.repeat(Math.ceil(transcriptBytes / line.length));
  await sandbox.writeFile(transcriptPath(sandbox, claudeSessionId), Buffer.from(transcript));
}

async function checkpoint(sandbox: Sandbox, { session, taskId, fence, sha }: Turn): Promise<number> {
  const directory = await mkdtemp(join(folder, "attempt-"));
  const since = performance.now();
  const taken = await takeCheckpoint(deps, {
    ...{ sandbox, session, taskId, fence, directory, baseSha: sha },
    assertClaim: (tx) => assertFence(tx, { taskId, fence }),
  });
  const tookMs = performance.now() - since;
  if (!taken.changed || taken.complaints !== null)
    throw new Error(`expected a whole checkpoint, got ${JSON.stringify(taken)}`);
  return tookMs;
}

/** Nobody pays for what the one before has left to be written. */
async function settleDisk(): Promise<void> {
  const child = spawn("sync", ["--file-system", folder], { stdio: "inherit" });
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0) throw new Error(`sync ended with ${code}`);
}

async function makeFolder(name: string): Promise<string> {
  const path = join(folder, name);
  await mkdir(path, { mode: 0o700 });
  return path;
}
