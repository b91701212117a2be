import { randomBytes } from "node:crypto";
import { posix } from "node:path";
import { setWords } from "./remote-script.ts";
import type { RemoteShell } from "./remote-shell.ts";
import { packDirectory } from "./pack-directory.ts";
import { type Sandbox, SandboxError } from "./sandbox.ts";

/** How a provider moves bytes; where they go inside the machine is looked after here. */
export type RemoteTransfer = {
  /** Writes a file anew, with its parents. */
  upload: (path: string, data: Uint8Array | string | ReadableStream<Uint8Array>) => Promise<void>;
  /** Hands the file's bytes to `consume`; starts over when the connection fails on the way. */
  download: <T>(path: string, consume: (bytes: ReadableStream<Uint8Array>) => Promise<T>) => Promise<T>;
};

/** Exit code of the scripts below for what stands in the way. */
const inTheWay = 3;
const transferTimeoutMs = 30 * 60_000;
/** A small file goes with the command itself, which saves a round trip; a command line takes 128 KiB. */
const inlineBytes = 32 * 1024;

/** Files of a remote machine, where any folder may be a link that the agent planted: checked inside, before and after. */
export function createRemoteFiles(
  machine: { shell: RemoteShell; paths: Sandbox["paths"] },
  transfer: RemoteTransfer,
): Pick<Sandbox, "readFile" | "writeFile" | "putDirectory" | "remove"> {
  const { shell, paths } = machine;
  const draftPath = () => `${paths.tmp}/.draft-${randomBytes(8).toString("hex")}`;
  const run = async (script: string, what: string): Promise<string> => {
    const result = await shell.call(script, { timeoutMs: transferTimeoutMs });
    if (result.exitCode === 0) return result.stdout.trim();
    throw new SandboxError(
      result.exitCode === inTheWay ? "refused" : "transient",
      `${what}: ${result.stderr.trim()} (${result.exitCode})`,
    );
  };
  return {
    async readFile(path, { maxBytes }) {
      assertInside(paths, path);
      const inline = String(Math.min(maxBytes, inlineBytes));
      const said = await run(`${setWords([path, inline])}\n${look}`, `expected a regular file at ${path}`);
      const [found = "", data] = said.split("\n");
      if (found === "absent") return null;
      if (Number(found) > maxBytes) throw tooLarge(path, maxBytes, Number(found));
      if (Number(found) === 0) return new Uint8Array();
      if (data !== undefined) return upTo(Buffer.from(data, "base64"), path, maxBytes);
      return await transfer.download(path, (bytes) => readUpTo(bytes, path, maxBytes));
    },
    async writeFile(path, data, options) {
      assertInside(paths, path);
      const draft = draftPath();
      const bytes = Buffer.from(data);
      const isSmall = bytes.length <= inlineBytes;
      if (!isSmall) await transfer.upload(draft, data);
      const mode = (options?.mode ?? 0o600).toString(8);
      const words = [draft, path, mode, ...(isSmall ? [bytes.toString("base64")] : [])];
      const script = isSmall ? placeInline : place;
      await run(`${setWords(words)}\n${script}`, `${path} was to be written`);
    },
    async putDirectory(hostDirectory, path) {
      assertInside(paths, path);
      const draft = draftPath();
      await packDirectory(hostDirectory, (stream) => transfer.upload(draft, stream));
      await run(`${setWords([draft, path])}\n${unpack}`, `expected nothing at ${path}; remove it first`);
    },
    async remove(path) {
      const { exitCode, stderr } = await shell.call(`${setWords([path])}\nexec rm -rf -- "$1"`, {
        timeoutMs: transferTimeoutMs,
      });
      if (exitCode !== 0) throw new SandboxError("refused", `expected to remove ${path}: ${stderr.trim()}`);
    },
  };
}

async function readUpTo(
  stream: ReadableStream<Uint8Array>,
  path: string,
  maxBytes: number,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let total = 0;
  // Leaving the loop cancels the stream.
  for await (const chunk of stream) {
    total += chunk.length;
    // The agent may append while we read: the size that was looked at is a promise of nobody.
    if (total > maxBytes) throw tooLarge(path, maxBytes, total);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, total);
}

function upTo(bytes: Uint8Array, path: string, maxBytes: number): Uint8Array {
  if (bytes.length > maxBytes) throw tooLarge(path, maxBytes, bytes.length);
  return bytes;
}

function assertInside(paths: Sandbox["paths"], path: string): void {
  const folders = [paths.home, paths.workspace];
  const plain = posix.normalize(path) === path && !path.includes("\0") && !path.endsWith("/");
  if (plain && folders.some((folder) => path.startsWith(`${folder}/`))) return;
  throw new TypeError(`expected a plain path below ${folders.join(" or ")}, got ${JSON.stringify(path)}`);
}

function tooLarge(path: string, maxBytes: number, came: number): SandboxError {
  return new SandboxError(
    "refused",
    `expected at most ${maxBytes} bytes in ${posix.basename(path)}, found ${came} or more`,
  );
}

const look = `
refuse() { printf '%s\\n' "$1" >&2; exit ${inTheWay}; }
if [ ! -e "$1" ] && [ ! -L "$1" ]; then echo absent; exit 0; fi
[ "$(realpath -- "$1")" = "$1" ] || refuse "a link is on the way"
[ -f "$1" ] || refuse "found something else"
size=$(stat -c %s -- "$1") && echo "$size"
# One byte more tells of a file that has grown meanwhile.
if [ "$size" -gt 0 ] && [ "$size" -le "$2" ]; then head -c "$(($2 + 1))" -- "$1" | base64 -w 0; fi`;

/** Makes the parent of $2 and refuses one that a link leads to. */
const makeParent = `
refuse() { printf '%s\\n' "$1" >&2; rm -rf -- "$draft"; exit ${inTheWay}; }
draft=$1 path=$2
parent=\${path%/*}
umask 022
mkdir -p -- "$parent" || refuse "a folder could not be made"
[ "$(realpath -e -- "$parent")" = "$parent" ] || refuse "a link is on the way"`;

/** Asked again after a lost answer there is no draft any more. A rename replaces a link instead of writing through it. */
const place = `${makeParent}
[ -e "$draft" ] || { [ -f "$path" ]; exit; }
if [ -d "$path" ] && [ ! -L "$path" ]; then refuse "found a folder"; fi
chmod "$3" "$draft" && mv -fT -- "$draft" "$path"`;

/** The same with the bytes in $4. */
const placeInline = `${makeParent}
if [ -d "$path" ] && [ ! -L "$path" ]; then refuse "found a folder"; fi
said=$( { umask 077 && printf %s "$4" | base64 -d >"$draft"; } 2>&1) || refuse "the machine's disk may be full: $said"
chmod "$3" "$draft" && mv -fT -- "$draft" "$path"`;

const unpack = `${makeParent}
exec 9>"$draft.lock" && flock 9 || exit 1
trap 'rm -f -- "$draft.lock"' EXIT
[ -e "$draft" ] || [ -e "$draft.d" ] || { [ -d "$path" ]; exit; }
if [ -e "$path" ] || [ -L "$path" ]; then refuse "found a file"; fi
if [ -e "$draft" ]; then
  rm -rf -- "$draft.d" && mkdir -m 755 -- "$draft.d" || exit 1
  tar -x -p --no-same-owner -f "$draft" -C "$draft.d" || exit 1
  rm -f -- "$draft"
fi
mv -T -- "$draft.d" "$path"`;
