import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, cp, lstat, mkdir, open, realpath, rename, rm } from "node:fs/promises";
import { basename, join, posix } from "node:path";
import { SandboxError } from "./sandbox.ts";

/** A folder that the agent can write: its path for the agent and for the host. */
export type SharedFolder = { inside: string; host: string };

const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;

/**
 * File access of the host into folders where everything, every parent folder included, may be a link that the agent
 * planted. Each component is opened without following links and the next one is looked up in the opened folder.
 */
export function createMachineFiles(folders: readonly SharedFolder[]) {
  return {
    /** Opens a regular file for reading; null when there is none. The caller closes it. */
    open: (path: string) => openRegular(folders, path),

    async read(path: string, maxBytes: number): Promise<Uint8Array | null> {
      const file = await openRegular(folders, path);
      if (file === null) return null;
      try {
        const { size } = await file.stat();
        if (size > maxBytes) throw tooLarge(path, maxBytes, size);
        return await readUpTo(file, path, maxBytes);
      } finally {
        await file.close();
      }
    },

    async write(path: string, data: Uint8Array | string, mode: number): Promise<void> {
      await inParent(folders, path, { make: true }, async (parent, name) => {
        const draft = join(parent, `.${randomBytes(8).toString("hex")}.draft`);
        const file = await open(draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
        try {
          await file.writeFile(data);
          await file.chmod(mode);
        } finally {
          await file.close();
        }
        // A rename replaces a link instead of writing through it.
        await rename(draft, join(parent, name)).catch(async (error: unknown) => {
          await rm(draft, { force: true });
          throw refusal(path, error);
        });
      });
    },

    async putDirectory(hostDirectory: string, path: string): Promise<void> {
      await inParent(folders, path, { make: true }, async (parent, name) => {
        const target = join(parent, name);
        if ((await lstatOrNull(target)) !== null) {
          throw new SandboxError("refused", `expected nothing at ${path}, found a file; remove it first`);
        }
        try {
          await rename(hostDirectory, target);
        } catch (error) {
          if (codeOf(error) !== "EXDEV") throw error;
          await cp(hostDirectory, target, { recursive: true, verbatimSymlinks: true, errorOnExist: true });
        }
      });
    },
  };
}

export type MachineFiles = ReturnType<typeof createMachineFiles>;

async function openRegular(folders: readonly SharedFolder[], path: string): Promise<FileHandle | null> {
  return inParent(folders, path, { make: false }, async (parent, name) => {
    let file: FileHandle;
    try {
      // O_NONBLOCK: a named pipe would keep the open waiting for a writer.
      file = await open(join(parent, name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    } catch (error) {
      if (codeOf(error) === "ENOENT") return null;
      throw refusal(path, error);
    }
    if ((await file.stat()).isFile()) return file;
    await file.close();
    throw new SandboxError("refused", `expected a regular file at ${path}, found something else`);
  });
}

/** Calls `act` with the parent folder, addressed so that nobody can swap it for a link meanwhile. */
async function inParent<Result>(
  folders: readonly SharedFolder[],
  path: string,
  options: { make: boolean },
  act: (parent: string, name: string) => Promise<Result>,
): Promise<Result | null> {
  const { folder, parts } = locate(folders, path);
  const name = parts.pop();
  if (name === undefined) throw new TypeError(`expected a path below ${folder.inside}, got ${path}`);
  let plain = await realpath(folder.host);
  let handle = await open(plain, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  try {
    for (const part of parts) {
      const child = join(address(handle, plain), part);
      if (options.make) await makeDirectory(child, path);
      const next = await open(child, O_RDONLY | O_DIRECTORY | O_NOFOLLOW).catch((error: unknown) => {
        if (!options.make && codeOf(error) === "ENOENT") return null;
        throw refusal(path, error);
      });
      if (next === null) return null;
      await handle.close();
      handle = next;
      plain = join(plain, part);
    }
    return await act(address(handle, plain), name);
  } finally {
    await handle.close();
  }
}

/** On Linux /proc/self/fd/N is the opened folder itself, whatever its path has become; elsewhere only unisolated machines exist. */
function address(handle: FileHandle, plain: string): string {
  return process.platform === "linux" ? `/proc/self/fd/${handle.fd}` : plain;
}

async function makeDirectory(directory: string, path: string): Promise<void> {
  try {
    await mkdir(directory, { mode: 0o755 });
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw refusal(path, error);
  }
}

function locate(folders: readonly SharedFolder[], path: string): { folder: SharedFolder; parts: string[] } {
  const clean = posix.normalize(path);
  if (clean !== path || path.includes("\0") || path.endsWith("/")) {
    throw new TypeError(`expected an absolute path without . and .., got ${JSON.stringify(path)}`);
  }
  const folder = folders.find(({ inside }) => clean.startsWith(`${inside}/`));
  if (folder === undefined) {
    const names = folders.map(({ inside }) => inside).join(" or ");
    throw new TypeError(`expected a path below ${names}, got ${path}`);
  }
  return { folder, parts: clean.slice(folder.inside.length + 1).split("/") };
}

async function readUpTo(file: FileHandle, path: string, maxBytes: number): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let total = 0;
  for (;;) {
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(256 * 1024), 0, 256 * 1024, null);
    if (bytesRead === 0) return Buffer.concat(chunks, total);
    total += bytesRead;
    // The agent may append while we read: the size that stat gave is a promise of nobody.
    if (total > maxBytes) throw tooLarge(path, maxBytes, total);
    chunks.push(buffer.subarray(0, bytesRead));
  }
}

function tooLarge(path: string, maxBytes: number, came: number): SandboxError {
  return new SandboxError(
    "refused",
    `expected at most ${maxBytes} bytes in ${basename(path)}, found ${came} or more`,
  );
}

/** Codes that tell of what stands in the way; anything else (a full disk) is the host's own trouble and passes as it is. */
const obstacles = [
  "ELOOP",
  "ENOTDIR",
  "EISDIR",
  "ENOTEMPTY",
  "EEXIST",
  "EACCES",
  "EPERM",
  "ENXIO",
  "ENAMETOOLONG",
];

function refusal(path: string, error: unknown): unknown {
  const code = codeOf(error);
  if (code === null || !obstacles.includes(code)) return error;
  return new SandboxError("refused", `expected ${path} to lie in plain folders, found ${code}`, {
    cause: error,
  });
}

async function lstatOrNull(path: string) {
  return lstat(path).catch((error: unknown) => {
    if (codeOf(error) === "ENOENT") return null;
    throw error;
  });
}

function codeOf(error: unknown): string | null {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : null;
}
