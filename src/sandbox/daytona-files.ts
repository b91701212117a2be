import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { posix } from "node:path";
import { Readable } from "node:stream";
import { z } from "zod";
import { execInDaytona } from "./daytona-exec.ts";
import type { InsidePlaceRequest, InsideReadRequest } from "./daytona-inside-files.ts";
import type { DaytonaMachine } from "./daytona-machine.ts";
import { type Sandbox, SandboxError } from "./sandbox.ts";

type Files = Pick<Sandbox, "readFile" | "writeFile" | "putDirectory" | "remove">;

/** A small file goes with the request itself, which saves a round trip. */
const inlineBytes = 32 * 1024;
const transferSeconds = 10 * 60;

/** The files of a machine, below its home and its workspace. */
export function daytonaFiles(machine: DaytonaMachine): Files {
  const check = (path: string) => assertBelow(path, [machine.paths.home, machine.paths.workspace]);
  const draft = () => `${machine.paths.tmp}/.draft-${randomBytes(8).toString("hex")}`;
  return {
    async readFile(path, { maxBytes }) {
      check(path);
      return readMachineFile(machine, { path, maxBytes, inlineBytes: inlineBytes * 4 });
    },
    async writeFile(path, data, options) {
      check(path);
      const bytes = Buffer.from(data);
      const source = draft();
      const isSmall = bytes.length <= inlineBytes;
      if (!isSmall) await upload(machine, source, () => bytes);
      const request: InsidePlaceRequest = {
        path,
        mode: options?.mode ?? 0o600,
        data: isSmall ? bytes.toString("base64") : null,
        source,
      };
      // A small one may be sent again; a moved one is not there a second time.
      const { refused } = await machine.call({
        name: "placeInside",
        request,
        answer: z.strictObject({ refused: z.nullable(z.string()) }),
        timeoutSeconds: 60,
        repeatable: isSmall,
      });
      if (refused !== null) throw new SandboxError("refused", refused);
    },
    async putDirectory(hostDirectory, path) {
      check(path);
      const archive = draft();
      await upload(machine, archive, () => packed(hostDirectory));
      await runScript(machine, unpackScript, [archive, path], `a folder can be put at ${path}`);
    },
    async remove(path) {
      check(path);
      await runScript(machine, 'rm -rf -- "$1"', [path], `${path} can be removed`);
    },
  };
}

const answerShape = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("absent") }),
  z.strictObject({ kind: z.literal("refused"), reason: z.string() }),
  z.strictObject({ kind: z.literal("bytes"), data: z.base64() }),
  z.strictObject({ kind: z.literal("large") }),
]);

async function readMachineFile(
  machine: DaytonaMachine,
  request: InsideReadRequest,
): Promise<Uint8Array | null> {
  const answer = await machine.call({
    name: "readInside",
    request,
    answer: answerShape,
    timeoutSeconds: 60,
    repeatable: true,
  });
  switch (answer.kind) {
    case "absent":
      return null;
    case "refused":
      throw new SandboxError("refused", answer.reason);
    case "bytes":
      return Buffer.from(answer.data, "base64");
    case "large":
      return machine.reach(() =>
        machine.client.call(`read ${request.path}`, () => download(machine, request)),
      );
  }
}

async function download(
  { machine }: DaytonaMachine,
  { path, maxBytes }: InsideReadRequest,
): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let length = 0;
  const stream = await machine.fs.downloadFileStream(path, transferSeconds);
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    length += chunk.length;
    // The agent may append while we read: the size that was told is a promise of nobody.
    if (length > maxBytes)
      throw new SandboxError(
        "refused",
        `expected at most ${maxBytes} bytes in ${path}, found ${length} or more`,
      );
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length);
}

/** Sends a file to a name that nobody else uses, so that it can be sent again. */
async function upload(
  held: DaytonaMachine,
  path: string,
  open: () => Buffer | AsyncIterable<Buffer>,
): Promise<void> {
  const { machine, client } = held;
  await held.reach(() =>
    client.call(`upload ${path}`, async () => {
      const source = open();
      if (Buffer.isBuffer(source)) return machine.fs.uploadFile(source, path, transferSeconds);
      return machine.fs.uploadFileStream(Readable.from(source), path, { timeout: transferSeconds });
    }),
  );
}

/** A folder of this host as a tar; a tar that fails breaks the stream, so that half an archive is never taken for a whole one. */
async function* packed(directory: string): AsyncGenerator<Buffer> {
  const tar = spawn("tar", ["-C", directory, "-cf", "-", "."], { stdio: ["ignore", "pipe", "pipe"] });
  const said: Buffer[] = [];
  tar.stderr.on("data", (chunk: Buffer) => said.push(chunk));
  const closed = new Promise<number | null>((resolve, reject) => {
    tar.once("error", reject);
    tar.once("close", resolve);
  });
  // Awaited only after the output.
  closed.catch(() => undefined);
  try {
    for await (const chunk of tar.stdout) yield chunk as Buffer;
    const code = await closed;
    if (code !== 0)
      throw new Error(`tar ended with ${String(code)}: ${Buffer.concat(said).toString("utf8").trim()}`);
  } finally {
    tar.kill();
  }
}

/** Constant; archive and path come as arguments. 3 says that something stands there. */
const unpackScript = `
set -eu
[ ! -e "$2" ] && [ ! -L "$2" ] || { echo "something stands there" >&2; exit 3; }
mkdir -p "$(dirname "$2")"
rm -rf "$2.draft"
mkdir "$2.draft"
tar -xf "$1" -C "$2.draft"
mv -T "$2.draft" "$2"
rm -f "$1"
`;

async function runScript(
  machine: DaytonaMachine,
  script: string,
  args: readonly string[],
  expected: string,
): Promise<void> {
  const result = await execInDaytona(machine, {
    argv: ["/bin/sh", "-c", script, "remote-claude", ...args],
    cwd: "/",
    timeoutMs: transferSeconds * 1_000,
  });
  if (result.exitCode !== 0)
    throw new SandboxError("refused", `expected that ${expected}: ${result.stderrTail.trim()}`);
}

function assertBelow(path: string, folders: readonly string[]): void {
  if (path !== posix.normalize(path) || path.includes("\0") || path.endsWith("/") || !path.startsWith("/"))
    throw new TypeError(`expected an absolute path without . and .., got ${JSON.stringify(path)}`);
  if (!folders.some((folder) => path.startsWith(`${folder}/`)))
    throw new TypeError(`expected a path below ${folders.join(" or ")}, got ${path}`);
}
