import { lstat, readlink } from "node:fs/promises";
import { join, posix } from "node:path";
import { ownFolders } from "./machine.ts";
import { strange } from "./refusal.ts";

const home = "/home/user";
// As Linux: a longer chain of links is a loop.
const maxLinks = 40;

/** What a path of a machine stands for: where it is on this host, and the path with all links resolved, as the machine sees it. */
export type Place = { inside: string; host: string };

/** The absolute path that envd takes a path for: `~` is the home, a relative one begins there. */
export function expand(path: string): string {
  if (path === "~" || path === "") return home;
  if (path.startsWith("~/")) return posix.join(home, path.slice(2));
  if (path.startsWith("~")) throw strange(`path ${path}: other people's homes are not modelled`);
  return trimSlash(posix.resolve(home, path));
}

function trimSlash(path: string): string {
  return path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
}

function isOwn(inside: string): boolean {
  return ownFolders.some((folder) => inside === folder || inside.startsWith(`${folder}/`));
}

/**
 * Finds the place of a path on this host. Links are followed as the machine would follow them, the last part's own link only with
 * `followLast`. Null when a link leads out of the machine's own folders (the stand-in has no system there).
 */
export async function locate(
  root: string,
  path: string,
  options: { followLast: boolean },
): Promise<Place | null> {
  const wanted = expand(path);
  if (!isOwn(wanted)) {
    throw strange(`path ${path}: only ${ownFolders.join(", ")} are modelled, got ${wanted}`);
  }
  let todo = wanted.split("/").filter((part) => part !== "");
  let inside = "/";
  let links = 0;
  while (todo.length > 0) {
    const [part = "", ...rest] = todo;
    const next = posix.join(inside, part);
    const target =
      isOwn(next) && (options.followLast || rest.length > 0) ? await linkAt(join(root, next)) : null;
    if (target === null) {
      inside = next;
      todo = rest;
      continue;
    }
    links += 1;
    if (links > maxLinks) return null;
    const resolved = posix.resolve(inside, toInside(root, target));
    todo = [...resolved.split("/").filter((name) => name !== ""), ...rest];
    inside = "/";
  }
  return isOwn(inside) ? { inside, host: join(root, inside) } : null;
}

// A plain machine's commands run on this host and so make links to the host's folders.
function toInside(root: string, target: string): string {
  return target === root || target.startsWith(`${root}/`) ? target.slice(root.length) || "/" : target;
}

async function linkAt(path: string): Promise<string | null> {
  try {
    return (await lstat(path)).isSymbolicLink() ? await readlink(path) : null;
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

/** Whether a file call failed because something of its path is not there. */
export function isMissing(error: unknown): boolean {
  return hasCode(error, "ENOENT") || hasCode(error, "ENOTDIR");
}

export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
