import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Deps } from "../deps.ts";
import { TransientError } from "../errors.ts";
import { openCheckpoint } from "../sessions/restore-checkpoint.ts";
import { checkpointParts, type TakenCheckpoint } from "../sessions/take-checkpoint.ts";

/** The bundle of a turn's work as it was kept: still here when the same attempt took it, else from the storage. */
export async function openWork(
  deps: Pick<Deps, "checkpoints" | "config">,
  { checkpoint, directory }: { checkpoint: TakenCheckpoint; directory: string },
): Promise<string> {
  const here = join(directory, checkpointParts.work);
  if (existsSync(here)) return here;
  const { workPath } = await openCheckpoint(deps, { key: checkpoint.key, directory });
  if (workPath === null) throw new TransientError(`the checkpoint ${checkpoint.key} has lost its work`);
  return workPath;
}
