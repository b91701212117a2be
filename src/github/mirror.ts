import { mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { TransientError } from "../errors.ts";
import { type HostGitResult, runHostGit } from "../host-git.ts";
import { lookInMirror } from "./mirror-has.ts";
import { withMirrorLock } from "./mirror-lock.ts";
import { explainRemoteFault, remoteAccess } from "./remote-fault.ts";

export type MirrorInput = {
  dataDir: string;
  repositoryId: number;
  /** Without a credential. */
  remoteUrl: string;
  /** Null only for a repository that everybody may read. */
  token: string | null;
  /** All that is wanted is this commit: a mirror that has it is left as it is. */
  sha?: string;
  /** Fetches the head of this pull request as well, which may stand in a fork only. */
  pullNumber?: number;
  signal?: AbortSignal;
  /** For the whole update; 20 minutes when absent. */
  timeoutMs?: number;
};

export type Mirror = {
  /** The bare repository of the bot: full history of all branches and tags. */
  path: string;
  /** The repository has no branch with a commit yet. */
  empty: boolean;
};

/**
 * Brings the bot's own mirror of a repository up to date, making it when it is missing or broken. Rejects with a UserError
 * (repository-…) when the remote refuses, with a TransientError when it cannot be used now.
 */
export async function updateMirror(input: MirrorInput): Promise<Mirror> {
  const path = mirrorPath(input);
  if (input.sha !== undefined && (await lookInMirror(path, input.sha))) return { path, empty: false };
  const timeoutMs = input.timeoutMs ?? 20 * 60_000;
  const deadline = Date.now() + timeoutMs;
  const lock = { path: `${path}.lock`, timeoutMs, signal: input.signal };
  return withMirrorLock(lock, async () => {
    const update = { ...input, deadline };
    if (!(await isHealthy(path))) {
      await rm(path, { recursive: true, force: true });
      await makeMirror(path, update);
    } else {
      await fetchInto(path, update);
      // What came now may rest on objects that a disk fault took: then all is fetched anew.
      if (!(await isHealthy(path))) {
        await rm(path, { recursive: true, force: true });
        await makeMirror(path, update);
      }
    }
    return { path, empty: await isEmpty(path) };
  });
}

/** Removes the mirror of a repository that the App no longer sees. */
export async function removeMirror(input: Pick<MirrorInput, "dataDir" | "repositoryId">): Promise<void> {
  const path = mirrorPath(input);
  await withMirrorLock({ path: `${path}.lock`, timeoutMs: 60_000 }, () =>
    rm(path, { recursive: true, force: true }),
  );
}

function mirrorPath(input: Pick<MirrorInput, "dataDir" | "repositoryId">): string {
  if (!Number.isSafeInteger(input.repositoryId)) {
    throw new TypeError(`expected a numeric repository id, got ${input.repositoryId}`);
  }
  return join(resolve(input.dataDir), "mirrors", `${input.repositoryId}.git`);
}

type Update = MirrorInput & { deadline: number };

/** In a folder beside it, moved into place when complete: a mirror is whole or not there. */
async function makeMirror(path: string, update: Update): Promise<void> {
  const folder = dirname(path);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  // What a killed worker began: under the lock it is nobody's.
  for (const name of await readdir(folder)) {
    if (name.startsWith(`${basename(path)}.draft-`))
      await rm(join(folder, name), { recursive: true, force: true });
  }
  const draft = await mkdtemp(`${path}.draft-`);
  try {
    assertDone(await git(draft, ["init", "--quiet", "--bare", "--template=", "."]), "making a mirror");
    // A checkout may start from any commit that we pushed, not only from a branch's head.
    assertDone(await git(draft, ["config", "uploadpack.allowAnySHA1InWant", "true"]), "making a mirror");
    await fetchInto(draft, update);
    await rename(draft, path);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

/** Faults of old commits that GitHub itself holds and that no program can mend. */
const toleratedFsck = [
  "zeroPaddedFilemode",
  "missingSpaceBeforeDate",
  "badTimezone",
  "missingNameBeforeEmail",
  "badDateOverflow",
  "missingEmail",
];

async function fetchInto(path: string, update: Update): Promise<void> {
  const { remoteUrl, token, signal } = update;
  const access = remoteAccess(remoteUrl, token);
  const pull = `refs/pull/${update.pullNumber ?? ""}/head`;
  const pullRef = update.pullNumber === undefined ? [] : [`+${pull}:${pull}`];
  const result = await runHostGit({
    args: [
      ...["fetch", "--quiet", "--prune", "--no-tags"],
      ...["--no-write-fetch-head", "--no-auto-maintenance", "--force"],
      ...[remoteUrl, "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*", ...pullRef],
    ],
    cwd: path,
    protocol: access.protocol,
    config: {
      ...access.config,
      ...Object.fromEntries(toleratedFsck.map((name) => [`fetch.fsck.${name}`, "ignore"])),
    },
    timeoutMs: Math.max(1, update.deadline - Date.now()),
    signal,
  });
  if (result.exitCode === 0) return;
  // Left by a git that was killed; under our lock no other one works here.
  if (result.stopped === null && (await removeLocks(path))) return fetchInto(path, update);
  if (result.stopped === "timeout") {
    throw new TransientError(`fetching ${remoteUrl} was to end in time and was stopped`);
  }
  throw await explainRemoteFault({
    remoteUrl,
    token,
    service: "git-upload-pack",
    said: result.stderr.trim(),
    signal,
  });
}

/** Removes git's own lock files; true when there were any. */
async function removeLocks(path: string): Promise<boolean> {
  const refs = await readdir(join(path, "refs"), { recursive: true, withFileTypes: true });
  const top = await readdir(path, { withFileTypes: true });
  const locks = [...refs, ...top].filter((entry) => entry.isFile() && entry.name.endsWith(".lock"));
  for (const lock of locks) await rm(join(lock.parentPath, lock.name), { force: true });
  return locks.length > 0;
}

/** Whether it is a bare repository whose every branch and tag can be read; a missing or cut pack shows there. */
async function isHealthy(path: string): Promise<boolean> {
  const inside = await gitIn(path, ["rev-parse", "--is-bare-repository"]);
  if (inside?.exitCode !== 0 || inside.stdout.toString("utf8").trim() !== "true") return false;
  const refs = await git(path, ["for-each-ref", "--format=%(objecttype) %(tree)"]);
  return refs.exitCode === 0;
}

async function isEmpty(path: string): Promise<boolean> {
  const refs = await git(path, ["for-each-ref", "--count=1", "refs/heads"]);
  assertDone(refs, "reading the mirror");
  return refs.stdout.length === 0;
}

function git(path: string, args: readonly string[]): Promise<HostGitResult> {
  return runHostGit({ args: ["--git-dir=.", ...args], cwd: path, protocol: "none", timeoutMs: 60_000 });
}

/** Null when the folder is not there. */
async function gitIn(path: string, args: readonly string[]): Promise<HostGitResult | null> {
  try {
    return await git(path, args);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  }
}

function assertDone(result: HostGitResult, what: string): void {
  if (result.exitCode === 0) return;
  throw new TransientError(
    `${what} ended with ${result.exitCode ?? result.stopped ?? "a signal"}: ${result.stderr.trim()}`,
  );
}
