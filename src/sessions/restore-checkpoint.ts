import { join } from "node:path";
import type { Deps } from "../deps.ts";
import { TransientError } from "../errors.ts";
import { putWork } from "../sandbox/put-work.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import { unpackParts } from "../storage/unpack-parts.ts";
import { SealError } from "../storage/seal-error.ts";
import { fromService, OperatorError, SetbackError } from "./session-fault.ts";
import { checkpointKey, type Checkpoint } from "./checkpoint-store.ts";
import { checkpointParts } from "./take-checkpoint.ts";
import { readFile } from "node:fs/promises";
import { transcriptPath } from "./transcript-path.ts";

export type OpenedCheckpoint = {
  /** The files on the host; null when the checkpoint has no such part. */
  workPath: string | null;
  transcriptPath: string | null;
};

const storage = "the storage for checkpoints";

/** Brings a checkpoint's parts to `directory`, opened and verified. Rejects with a SetbackError when the object is not there. */
export async function openCheckpoint(
  deps: Pick<Deps, "checkpoints" | "config">,
  input: { key: string; directory: string },
): Promise<OpenedCheckpoint> {
  const sealed = join(input.directory, "restored");
  const found = await fromService(storage, deps.checkpoints.get(input.key, sealed));
  if (found === null) {
    const missing = new TransientError(`expected a checkpoint under ${input.key}, the storage has none`);
    throw new SetbackError("away", storage, missing);
  }
  const parts = await unpackParts(sealed, join(input.directory, "parts"), {
    maxParts: Object.keys(checkpointParts).length,
    maxBytes: deps.config.checkpoints.maxBytes,
  });
  const pathOf = (name: string) => parts.find((part) => part.name === name)?.path ?? null;
  return { workPath: pathOf(checkpointParts.work), transcriptPath: pathOf(checkpointParts.transcript) };
}

/** The same for a session that can go on without it: null when the object is damaged beyond use, which is logged. */
export async function openSoundCheckpoint(
  deps: Pick<Deps, "checkpoints" | "config" | "log">,
  input: { checkpoint: Checkpoint; directory: string },
): Promise<OpenedCheckpoint | null> {
  const key = checkpointKey(input.checkpoint);
  try {
    return await openCheckpoint(deps, { key, directory: input.directory });
  } catch (error) {
    const cause = error instanceof OperatorError ? error.cause : error;
    if (!(cause instanceof SealError) || cause.fault !== "broken") throw error;
    deps.log.error({ err: cause, key }, "a checkpoint is damaged; its session goes on from the branch");
    return null;
  }
}

/** Puts an opened checkpoint into a machine whose checkout is fresh and stands on its base commit. */
export async function restoreCheckpoint(input: {
  sandbox: Sandbox;
  checkpoint: Checkpoint;
  opened: OpenedCheckpoint;
}): Promise<void> {
  const { sandbox, checkpoint, opened } = input;
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
