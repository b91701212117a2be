import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";

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

type GitOptions = { input?: string | Buffer; env?: Record<string, string> };

/** Runs git in a bare repository and gives its standard output; throws GitError otherwise. */
export async function git(
  directory: string,
  argv: readonly string[],
  options: GitOptions = {},
): Promise<Buffer> {
  if (!isAboutObjects(argv)) return run(directory, argv, options);
  const key = [directory, ...argv].join("\0");
  const answer = answers.get(key) ?? (await run(directory, argv, options));
  answers.set(key, answer);
  return answer;
}

/** What git said of objects that were named by their full ids: it will never say anything else. */
const answers = new Map<string, Buffer>();

/** Whether a command only reads objects, each named by its full id; one id at least. */
function isAboutObjects([command = "", ...rest]: readonly string[]): boolean {
  if (!["ls-tree", "diff", "log", "merge-base", "cat-file", "rev-parse", "merge-tree"].includes(command))
    return false;
  const end = rest.indexOf("--");
  const named = rest.slice(0, end < 0 ? rest.length : end).filter((word) => !word.startsWith("-"));
  return (
    named.some((word) => fullId.test(word)) &&
    named.every((word) => fullId.test(word) || word === "blob" || isCount(word))
  );
}

const fullId = /^\^?[0-9a-f]{40}(?:\^\{commit\}|\.{2,3}[0-9a-f]{40}|:.*)?$/s;
const isCount = (word: string): boolean => /^\d{1,6}$/.test(word);

function run(directory: string, argv: readonly string[], options: GitOptions): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const child = spawn("git", argv, { cwd: directory, env: { ...gitEnvironment, ...options.env } });
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
    child.stdin.end(options.input);
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
  const isBranch = kind === "commit" && !/^[0-9a-f]{40}$/.test(name);
  const head = isBranch ? await readBranchFile(directory, name.replace(/^refs\/heads\//, "")) : undefined;
  if (head !== undefined) return head;
  const found = await gitOrNothing(directory, [
    "rev-parse",
    "--verify",
    "--quiet",
    "--end-of-options",
    `${name}^{${kind}}`,
  ]);
  return found?.toString().trim();
}

/** What GitHub takes a ref of a request for: a branch before anything else. */
export async function revisionOf(directory: string, ref: string): Promise<string | undefined> {
  const isId = /^[0-9a-f]{40}$/.test(ref);
  return (
    (isId ? undefined : await revision(directory, `refs/heads/${ref}`)) ?? (await revision(directory, ref))
  );
}

/** A branch as git's own file has it, which spares a process; undefined: not a branch, or packed away. */
async function readBranchFile(directory: string, branch: string): Promise<string | undefined> {
  if (!/^[\w-][\w/-]*$/.test(branch)) return undefined;
  try {
    const content = await readFile(join(directory, "refs/heads", branch), "utf8");
    return /^[0-9a-f]{40}\n$/.test(content) ? content.trim() : undefined;
  } catch (error) {
    if (error instanceof Error && "code" in error && noFile.has(error.code)) return undefined;
    throw error;
  }
}

const noFile: ReadonlySet<unknown> = new Set(["ENOENT", "EISDIR", "ENOTDIR"]);

/** Refs below any of these: full name to object id. */
export async function listRefs(
  directory: string,
  ...prefixes: readonly string[]
): Promise<Map<string, string>> {
  const out = await git(directory, ["for-each-ref", "--format=%(objectname) %(refname)", ...prefixes]);
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
