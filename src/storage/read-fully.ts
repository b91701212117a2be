import type { FileHandle } from "node:fs/promises";

/** Fills the buffer from `position` on. Throws when the file ends before that: somebody is changing it. */
export async function readFully(file: FileHandle, buffer: Buffer, position: number): Promise<void> {
  for (let done = 0; done < buffer.length;) {
    const { bytesRead } = await file.read(buffer, done, buffer.length - done, position + done);
    if (bytesRead === 0) {
      throw new Error(
        `Expected a file of at least ${position + buffer.length} bytes, got ${position + done}: it changed while it was read.`,
      );
    }
    done += bytesRead;
  }
}
