import { stat } from "node:fs/promises";
import { runHostGit } from "../host-git.ts";

const knownToBeHeld = new Set<string>();
const maxKnown = 1_000;

/** Whether a mirror, which need not exist, holds this commit; git is asked once, because a mirror gives nothing away as long as it is the same one. */
export async function mirrorHas(path: string, sha: string): Promise<boolean> {
  const made = await madeAt(path);
  return made !== null && (knownToBeHeld.has(keyOf(path, made, sha)) || lookInMirror(path, sha));
}

/** The same, asked anew: a disk may have lost what was there. */
export async function lookInMirror(path: string, sha: string): Promise<boolean> {
  const made = await madeAt(path);
  if (made === null) return false;
  const { exitCode } = await runHostGit({
    args: ["--git-dir=.", "cat-file", "-e", `${sha}^{commit}`],
    cwd: path,
    protocol: "none",
    timeoutMs: 30_000,
  });
  if (exitCode !== 0) return false;
  if (knownToBeHeld.size >= maxKnown) knownToBeHeld.clear();
  knownToBeHeld.add(keyOf(path, made, sha));
  return true;
}

const keyOf = (path: string, made: string, sha: string) => `${sha} ${made} ${path}`;

/** What tells a mirror from one that is made anew in its place; null: there is none. */
async function madeAt(path: string): Promise<string | null> {
  const made = await stat(path, { bigint: true }).catch((error: unknown) => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  });
  return made === null ? null : `${made.ino} ${made.birthtimeNs}`;
}
