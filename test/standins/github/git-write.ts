import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { git } from "./git.ts";

/** File contents by path; `mode` 100755 for programs, 120000 for links (the content is the target); null removes the file. */
export type Files = Record<
  string,
  string | Buffer | { content: string | Buffer; mode: "100644" | "100755" | "120000" } | null
>;
export type Signature = { name: string; email: string; date: Date };

/** Makes an empty bare repository without starting a process. */
export async function initRepository(directory: string, defaultBranch: string): Promise<void> {
  await mkdir(join(directory, "objects", "info"), { recursive: true });
  await mkdir(join(directory, "objects", "pack"), { recursive: true });
  await mkdir(join(directory, "refs", "heads"), { recursive: true });
  await writeFile(join(directory, "HEAD"), `ref: refs/heads/${defaultBranch}\n`);
  await writeFile(
    join(directory, "config"),
    "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n",
  );
}

/** Commits files on a branch (on top of it, or of `from`) in one process. */
export async function commitFiles(
  directory: string,
  input: { branch: string; from?: string | undefined; files: Files; message: string; author: Signature },
): Promise<void> {
  const { branch, from, files, message, author } = input;
  const seconds = Math.floor(author.date.getTime() / 1000);
  const parts: (string | Buffer)[] = [
    `commit refs/heads/${branch}\n`,
    `committer ${author.name.replace(/[<>\n]/g, "")} <${author.email}> ${seconds} +0000\n`,
    ...data(message),
    ...(from === undefined ? [] : [`from ${from}\n`]),
  ];
  for (const [path, file] of Object.entries(files)) {
    if (file === null) {
      parts.push(`D ${quote(path)}\n`);
      continue;
    }
    const plain = typeof file === "string" || Buffer.isBuffer(file);
    const content = plain ? file : file.content;
    parts.push(`M ${plain ? "100644" : file.mode} inline ${quote(path)}\n`, ...data(content));
  }
  const stream = Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part) : part)));
  await git(directory, ["fast-import", "--quiet", "--force"], { input: stream });
}

function data(content: string | Buffer): (string | Buffer)[] {
  const bytes = typeof content === "string" ? Buffer.from(content) : content;
  return [`data ${bytes.length}\n`, bytes, "\n"];
}

function quote(path: string): string {
  return `"${path.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`;
}
