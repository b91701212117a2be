import { spawn } from "node:child_process";

/** A git command that ended with another exit code than 0. */
export class GitError extends Error {
  override readonly name = "GitError";
  readonly exitCode: number | null;

  constructor(argv: readonly string[], exitCode: number | null, stderr: string) {
    super(`Expected git ${argv.join(" ")} to succeed, got exit code ${exitCode ?? "none"}: ${stderr.trim()}`);
    this.exitCode = exitCode;
  }
}

/** The environment of every git command: nothing of this machine's configuration, any owner of the folder. */
export const gitEnvironment: Record<string, string> = {
  PATH: process.env["PATH"] ?? "",
  HOME: "/nonexistent",
  LC_ALL: "C",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_TERMINAL_PROMPT: "0",
  GIT_CONFIG_COUNT: "4",
  GIT_CONFIG_KEY_0: "safe.directory",
  GIT_CONFIG_VALUE_0: "*",
  GIT_CONFIG_KEY_1: "core.quotePath",
  GIT_CONFIG_VALUE_1: "false",
  GIT_CONFIG_KEY_2: "gc.auto",
  GIT_CONFIG_VALUE_2: "0",
  GIT_CONFIG_KEY_3: "core.logAllRefUpdates",
  GIT_CONFIG_VALUE_3: "false",
};

/** Runs git in a bare repository and gives its standard output; throws GitError otherwise. */
export function git(
  directory: string,
  argv: readonly string[],
  options?: { input?: string | Buffer; env?: Record<string, string> },
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const child = spawn("git", argv, { cwd: directory, env: { ...gitEnvironment, ...options?.env } });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => err.push(chunk));
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) resolve(Buffer.concat(out));
      else reject(new GitError(argv, code, Buffer.concat(err).toString()));
    });
    child.stdin.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") reject(error);
    });
    child.stdin.end(options?.input);
  });
}

/** As `git`, but a failing command (nothing there) gives undefined. */
export async function gitOrNothing(directory: string, argv: readonly string[]): Promise<Buffer | undefined> {
  try {
    return await git(directory, argv);
  } catch (error) {
    if (error instanceof GitError) return undefined;
    throw error;
  }
}

/** The full id that a revision names, or undefined. */
export async function revision(
  directory: string,
  name: string,
  kind = "commit",
): Promise<string | undefined> {
  const found = await gitOrNothing(directory, [
    "rev-parse",
    "--verify",
    "--quiet",
    "--end-of-options",
    `${name}^{${kind}}`,
  ]);
  return found?.toString().trim();
}

/** Refs below a prefix: full name to object id. */
export async function listRefs(directory: string, prefix: string): Promise<Map<string, string>> {
  const out = await git(directory, ["for-each-ref", "--format=%(objectname) %(refname)", prefix]);
  const rows = out.toString().split("\n").filter(Boolean);
  return new Map(rows.map((row): [string, string] => [row.slice(41), row.slice(0, 40)]));
}

/** Points a ref at an object; with `expected` only if it stands there (40 zeros: not yet there). */
export async function setRef(directory: string, ref: string, id: string, expected?: string): Promise<void> {
  await git(directory, [
    "update-ref",
    "--end-of-options",
    ref,
    id,
    ...(expected === undefined ? [] : [expected]),
  ]);
}

export async function deleteRef(directory: string, ref: string): Promise<void> {
  await git(directory, ["update-ref", "-d", "--end-of-options", ref]);
}

/** Whether a branch or tag name is one git takes. */
export async function isRefName(directory: string, ref: string): Promise<boolean> {
  return (await gitOrNothing(directory, ["check-ref-format", ref])) !== undefined;
}

export async function isAncestor(directory: string, older: string, newer: string): Promise<boolean> {
  return (await gitOrNothing(directory, ["merge-base", "--is-ancestor", older, newer])) !== undefined;
}

export async function mergeBase(directory: string, a: string, b: string): Promise<string | undefined> {
  return (await gitOrNothing(directory, ["merge-base", a, b]))?.toString().trim();
}

/** Brings a ref of another repository on this disk over, below `into` when given; the objects come with it. */
export async function fetchRef(
  directory: string,
  input: { from: string; ref: string; into?: string },
): Promise<void> {
  const refspec = input.into === undefined ? input.ref : `+${input.ref}:${input.into}`;
  const argv = ["--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance"];
  await git(directory, ["fetch", ...argv, input.from, refspec]);
}

/** Whether two commits merge without a conflict. */
export async function mergesCleanly(directory: string, a: string, b: string): Promise<boolean> {
  return (await gitOrNothing(directory, ["merge-tree", "--write-tree", a, b])) !== undefined;
}

/** The bytes of a file in a revision, or undefined. */
export function showFile(directory: string, ref: string, path: string): Promise<Buffer | undefined> {
  return gitOrNothing(directory, ["cat-file", "blob", `${ref}:${path}`]);
}
