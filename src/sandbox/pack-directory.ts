import { spawn } from "node:child_process";
import { once } from "node:events";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { TransientError } from "../errors.ts";

/** Streams a directory of this host as a tar archive to `send`; rejects when either side fails. */
export async function packDirectory(
  directory: string,
  send: (archive: ReadableStream<Uint8Array>) => Promise<void>,
): Promise<void> {
  const tar = spawn("tar", ["-C", directory, "-cf", "-", "."], { stdio: ["ignore", "pipe", "pipe"] });
  const complaint = text(tar.stderr);
  // An end without an error of its own is no rejection of this promise.
  const exit = once(tar, "close") as Promise<[number | null]>;
  exit.catch(() => undefined);
  try {
    await send(Readable.toWeb(tar.stdout) as ReadableStream<Uint8Array>);
  } catch (error) {
    tar.kill("SIGKILL");
    throw error;
  }
  const [code] = await exit;
  if (code !== 0) {
    throw new TransientError(
      `tar was to pack ${directory} and ended with ${code ?? "a signal"}: ${(await complaint).trim()}`,
    );
  }
}
