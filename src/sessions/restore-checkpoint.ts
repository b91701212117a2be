import { join } from "node:path";
import type { Deps } from "../deps.ts";
import { TransientError } from "../errors.ts";
import { putWork } from "../sandbox/put-work.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import { unpackParts } from "../storage/unpack-parts.ts";
import { checkpointKey, type Checkpoint } from "./checkpoint-store.ts";
import { checkpointParts } from "./take-checkpoint.ts";
import { readFile } from "node:fs/promises";
import { transcriptPath } from "./transcript-path.ts";

export type OpenedCheckpoint = {
  /** The files on the host; null when the checkpoint has no such part. */
  workPath: string | null;
  transcriptPath: string | null;
};

/** Brings a checkpoint's parts to `directory`, opened and verified. Rejects with a TransientError when the object is not there. */
export async function openCheckpoint(
  deps: Pick<Deps, "checkpoints" | "config">,
  input: { key: string; directory: string },
): Promise<OpenedCheckpoint> {
  const sealed = join(input.directory, "restored");
  if ((await deps.checkpoints.get(input.key, sealed)) === null) {
    throw new TransientError(`expected a checkpoint under ${input.key}, the storage has none`);
  }
  const parts = await unpackParts(sealed, join(input.directory, "parts"), {
    maxParts: Object.keys(checkpointParts).length,
    maxBytes: deps.config.checkpoints.maxBytes,
  });
  const pathOf = (name: string) => parts.find((part) => part.name === name)?.path ?? null;
  return { workPath: pathOf(checkpointParts.work), transcriptPath: pathOf(checkpointParts.transcript) };
}

/** Puts a checkpoint into a machine whose checkout is fresh and stands on its base commit. */
export async function restoreCheckpoint(
  deps: Pick<Deps, "checkpoints" | "config">,
  input: { sandbox: Sandbox; checkpoint: Checkpoint; directory: string },
): Promise<void> {
  const { sandbox, checkpoint } = input;
  const opened = await openCheckpoint(deps, { key: checkpointKey(checkpoint), directory: input.directory });
  if (opened.workPath !== null) {
    await putWork(sandbox, { bundlePath: opened.workPath, treeSha: checkpoint.treeSha });
  }
  if (opened.transcriptPath !== null) {
    await sandbox.writeFile(
      transcriptPath(sandbox, checkpoint.claudeSessionId),
      await readFile(opened.transcriptPath),
    );
  }
}
