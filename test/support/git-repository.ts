import { execFileSync } from "node:child_process";
import { chmod, mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { temporaryFolder } from "./temporary-folder.ts";

/** What a path holds: text, bytes, a link, or nothing any more. */
export type TestFile = string | Uint8Array | { link: string } | { script: string } | null;

export type TestRepository = {
  path: string;
  git(...args: string[]): string;
  /** Writes files and commits them; gives the commit's id. */
  commit(files: Record<string, TestFile>, message?: string): Promise<string>;
};

/** A repository with a working tree, made by the real git; its first branch is main. */
export async function gitRepository(
  files: Record<string, TestFile> | null = { "README.md": "hello\n" },
): Promise<TestRepository> {
  const path = join(await temporaryFolder(), "repository");
  await mkdir(path);
  const git = (...args: string[]) => hostGit(path, ...args);
  git("init", "--quiet", "--initial-branch=main");
  let count = 0;
  const repository: TestRepository = {
    path,
    git,
    async commit(changes, message = `commit ${++count}`) {
      for (const [name, content] of Object.entries(changes)) await writeTestFile(join(path, name), content);
      git("add", "--all", "--force");
      git("commit", "--quiet", "--allow-empty", "--no-verify", `--message=${message}`);
      return git("rev-parse", "HEAD");
    },
  };
  if (files !== null) await repository.commit(files);
  return repository;
}

/** git as a person runs it, with none of this machine's settings; gives its output without the last line end. */
export function hostGit(cwd: string, ...args: string[]): string {
  return execFileSync("git", args, {
    cwd,
    encoding: "utf8",
    maxBuffer: 64 * 2 ** 20,
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      PATH: process.env.PATH,
      HOME: "/nonexistent",
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_CONFIG_GLOBAL: "/dev/null",
      GIT_AUTHOR_NAME: "Ada",
      GIT_AUTHOR_EMAIL: "ada@example.com",
      GIT_COMMITTER_NAME: "Ada",
      GIT_COMMITTER_EMAIL: "ada@example.com",
    },
  }).replace(/\n$/, "");
}

async function writeTestFile(path: string, content: TestFile): Promise<void> {
  await rm(path, { recursive: true, force: true });
  if (content === null) return;
  await mkdir(dirname(path), { recursive: true });
  if (typeof content === "string" || content instanceof Uint8Array) await writeFile(path, content);
  else if ("link" in content) await symlink(content.link, path);
  else {
    await writeFile(path, content.script);
    await chmod(path, 0o755);
  }
}
