import type { Stats } from "node:fs";
import { lstat, mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join, posix } from "node:path";
import { z } from "zod";
import { ConnectError } from "./connect-stream.ts";
import type { Machine } from "./machine.ts";
import { expand, isMissing, locate, type Place } from "./machine-paths.ts";

const pathOnly = z.strictObject({ path: z.string() });
const listRequest = z.strictObject({ path: z.string(), depth: z.number().int().nonnegative().optional() });
const moveRequest = z.strictObject({ source: z.string(), destination: z.string() });

type Rpc = (machine: Machine, message: unknown) => Promise<unknown>;

/** The unary calls of filesystem.Filesystem that are modelled. */
export const filesystemService: Readonly<Record<string, Rpc>> = {
  Stat: async (machine, message) => {
    const { path } = pathOnly.parse(message);
    const place = await find(machine, path, { followLast: false });
    return { entry: await describe(machine, place, expand(path)) };
  },
  ListDir: async (machine, message) => {
    const { path, depth = 1 } = listRequest.parse(message);
    const place = await find(machine, path, { followLast: true });
    if (!(await stat(place.host)).isDirectory()) {
      throw new ConnectError("invalid_argument", `path is not a directory: ${place.inside}`);
    }
    return { entries: await list(machine, { place, shownAs: expand(path), depth: Math.max(depth, 1) }) };
  },
  MakeDir: async (machine, message) => {
    const { path } = pathOnly.parse(message);
    const place = await locate(machine.root, path, { followLast: true });
    if (place === null) throw leadsOut("internal", path);
    const facts = await factsOf(place, stat);
    if (facts?.isDirectory() === true) {
      throw new ConnectError("already_exists", `directory already exists: ${place.inside}`);
    }
    if (facts !== null) {
      throw new ConnectError(
        "invalid_argument",
        `path already exists but it is not a directory: ${place.inside}`,
      );
    }
    await mkdir(place.host, { recursive: true });
    return { entry: await describe(machine, place, expand(path)) };
  },
  Move: async (machine, message) => {
    const { source, destination } = moveRequest.parse(message);
    const from = await find(machine, source, { followLast: false });
    const to = await locate(machine.root, destination, { followLast: false });
    if (to === null) throw leadsOut("internal", destination);
    await mkdir(dirname(to.host), { recursive: true });
    await rename(from.host, to.host).catch((error: unknown) => {
      throw new ConnectError("internal", `error renaming: ${String(error)}`);
    });
    return { entry: await describe(machine, to, expand(destination)) };
  },
  Remove: async (machine, message) => {
    const place = await locate(machine.root, pathOnly.parse(message).path, { followLast: false });
    if (place !== null) await rm(place.host, { recursive: true, force: true });
    return {};
  },
};

function leadsOut(code: "internal" | "not_found", path: string): ConnectError {
  return new ConnectError(code, `path not found: ${path}: a link leads out of the machine`);
}

async function find(machine: Machine, path: string, options: { followLast: boolean }): Promise<Place> {
  const place = await locate(machine.root, path, options);
  if (place === null) throw leadsOut("not_found", path);
  if ((await factsOf(place, lstat)) === null) {
    throw new ConnectError("not_found", `path not found: ${place.inside}: no such file or directory`);
  }
  return place;
}

async function factsOf(place: Place, read: (path: string) => Promise<Stats>): Promise<Stats | null> {
  try {
    return await read(place.host);
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

async function list(
  machine: Machine,
  input: { place: Place; shownAs: string; depth: number },
): Promise<unknown[]> {
  const { place, shownAs, depth } = input;
  const entries: unknown[] = [];
  for (const name of (await readdir(place.host)).sort()) {
    const child = { inside: posix.join(place.inside, name), host: join(place.host, name) };
    const path = posix.join(shownAs, name);
    entries.push(await describe(machine, child, path));
    if (depth > 1 && (await lstat(child.host)).isDirectory()) {
      entries.push(...(await list(machine, { place: child, shownAs: path, depth: depth - 1 })));
    }
  }
  return entries;
}

/** An EntryInfo in the JSON of protobuf: a link has the type of what it leads to, 64-bit numbers are texts. */
async function describe(machine: Machine, place: Place, path: string): Promise<unknown> {
  const own = await lstat(place.host);
  const target = own.isSymbolicLink() ? await locate(machine.root, place.inside, { followLast: true }) : null;
  const facts = target === null ? own : ((await factsOf(target, stat)) ?? own);
  return {
    name: basename(path),
    type: typeOf(facts),
    path,
    size: String(own.size),
    mode: facts.mode & 0o777,
    permissions: permissions(own),
    owner: "user",
    group: "user",
    modifiedTime: own.mtime.toISOString(),
    ...(own.isSymbolicLink() ? { symlinkTarget: target?.inside ?? path } : {}),
  };
}

function typeOf(facts: Stats): string {
  if (facts.isFile()) return "FILE_TYPE_FILE";
  if (facts.isDirectory()) return "FILE_TYPE_DIRECTORY";
  return facts.isSymbolicLink() ? "FILE_TYPE_SYMLINK" : "FILE_TYPE_UNSPECIFIED";
}

function permissions(facts: Stats): string {
  const kind = facts.isDirectory() ? "d" : facts.isSymbolicLink() ? "L" : "-";
  const bits = Array.from("rwxrwxrwx").map((letter, at) => ((facts.mode >> (8 - at)) & 1 ? letter : "-"));
  return kind + bits.join("");
}
