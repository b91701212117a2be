import { appendFile, mkdir, mkdtemp, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { makeGitDirectory } from "../git-directory.ts";
import { fullSha, insideGitEnv } from "./inside-git.ts";
import { packHistory } from "./pack-history.ts";
import { type Sandbox, SandboxError } from "./sandbox.ts";

export type CheckOutInput = {
  /** The bot's own bare mirror; it must hold the commit. */
  mirrorPath: string;
  sha: string;
  /** The branch that is made at the commit and checked out. */
  branch: string;
  /** The repository's address without any credential; becomes origin. */
  remoteUrl: string;
  /** How many commits of history the agent sees. */
  depth: number;
  /** A folder of the bot, on the same disk as the sandboxes where possible: the clone is then moved, not copied. */
  tempDir: string;
  signal?: AbortSignal;
};

/** A checkout without its files, not yet in any machine; it stands in the folder that was given for it. */
export type PreparedCheckout = { sha: string; path: string };

const fetchTimeoutMs = 10 * 60_000;

/** Copies a commit out of the bot's own mirror. Rejects with a TransientError when the mirror does not have it. */
export async function prepareCheckout(input: CheckOutInput): Promise<PreparedCheckout> {
  assertPlainUrl(input.remoteUrl);
  if (!fullSha.test(input.sha)) throw new TypeError(`expected a full commit id, got ${input.sha}`);
  const tempDir = resolve(input.tempDir);
  await mkdir(tempDir, { recursive: true, mode: 0o700 });
  const path = await mkdtemp(join(tempDir, "clone-"));
  try {
    await cloneCommit(path, input);
    return { sha: input.sha, path };
  } catch (error) {
    await rm(path, { recursive: true, force: true });
    throw error;
  }
}

/**
 * Puts a checkout of one commit at `sandbox.paths.repo`, which must not exist; `prepared` spares the copying where it is of that
 * commit. The host only copies objects; files are written inside the sandbox.
 */
export async function checkOut(
  sandbox: Sandbox,
  { prepared = null, ...input }: CheckOutInput & { prepared?: PreparedCheckout | null },
): Promise<void> {
  const { path } = prepared?.sha === input.sha ? prepared : await prepareCheckout(input);
  try {
    await sandbox.putDirectory(path, sandbox.paths.repo);
  } finally {
    await rm(path, { recursive: true, force: true });
  }
  const written = await sandbox.exec({
    argv: ["git", "reset", "--hard", "--quiet"],
    cwd: sandbox.paths.repo,
    env: insideGitEnv,
    timeoutMs: fetchTimeoutMs,
    ...(input.signal === undefined ? {} : { signal: input.signal }),
  });
  input.signal?.throwIfAborted();
  if (written.exitCode !== 0) {
    throw new SandboxError("transient", `git could not write the checkout: ${written.stderrTail.trim()}`);
  }
}

async function cloneCommit(clone: string, input: CheckOutInput): Promise<void> {
  const { mirrorPath, sha, depth, branch, signal } = input;
  const gitDir = join(clone, ".git");
  await makeGitDirectory(gitDir, { bare: false, branch, sha });
  await packHistory({ mirrorPath, sha, depth, gitDir, timeoutMs: fetchTimeoutMs, signal });
  await appendFile(join(gitDir, "config"), settings(input.remoteUrl));
}

/**
 * The agent may commit on the way; what it commits is rebuilt by the bot. A background gc would race with the turn's end.
 */
function settings(remoteUrl: string): string {
  const url = new URL(remoteUrl).href.replaceAll("\\", "%5C").replaceAll('"', "%22");
  return [
    `[remote "origin"]\n\turl = "${url}"\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n`,
    `[user]\n\tname = remote-claude\n\temail = agent@remote-claude.invalid\n`,
    `[gc]\n\tauto = 0\n`,
  ].join("");
}

function assertPlainUrl(remoteUrl: string): void {
  const { username, password } = new URL(remoteUrl);
  if (username !== "" || password !== "") {
    throw new TypeError("expected a repository address without a credential, got one with user or password");
  }
}
