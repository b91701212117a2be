import { execFile } from "node:child_process";
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A small disk of its own. */
export type SmallDisk = {
  folder: string;
  /** Takes what room is left; gives back the function that lets go of it. */
  fill(): Promise<() => Promise<void>>;
  close(): Promise<void>;
};

const size = "512m";

/** Rejects for anybody who may not mount. */
export async function openDisk(): Promise<SmallDisk> {
  const folder = await mkdtemp(join(tmpdir(), "storm-disk-"));
  try {
    await run("mount", ["-t", "tmpfs", "-o", `size=${size},mode=700`, "tmpfs", folder]);
  } catch (cause) {
    await rm(folder, { recursive: true, force: true });
    throw new Error(
      "expected to be allowed to mount a small disk: run as root, or leave the disk's blow out",
      {
        cause,
      },
    );
  }
  return {
    folder,
    async fill() {
      const path = join(folder, "filler");
      const file = await open(path, "w");
      const block = Buffer.alloc(1_000_000);
      try {
        for (;;) await file.write(block);
      } catch (error) {
        if (!(error instanceof Error && "code" in error && error.code === "ENOSPC")) throw error;
      } finally {
        await file.close();
      }
      return () => rm(path);
    },
    async close() {
      await run("umount", [folder]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
