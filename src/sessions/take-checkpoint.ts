import { createHash } from "node:crypto";
import { stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { uuidv7 } from "uuidv7";
import { withAccount } from "../../db/client.ts";
import type { Deps } from "../deps.ts";
import { takeBundle } from "../sandbox/git-out.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import { packParts } from "../storage/pack-parts.ts";
import { checkpointKey, recordCheckpoint } from "./checkpoint-store.ts";
import { checkpointTooLarge } from "./checkpoint-too-large.ts";
import { explainBundleFault } from "./explain-bundle-fault.ts";
import { fromService } from "./session-fault.ts";
import type { Session } from "./session-store.ts";
import { maxTranscriptBytes, transcriptPath } from "./transcript-path.ts";

export type TakeCheckpointDeps = Pick<Deps, "db" | "config" | "checkpoints">;

/** The parts of a checkpoint's object: the working tree and the conversation, each absent when there is none. */
export const checkpointParts = { work: "work.bundle", transcript: "transcript.jsonl" } as const;

/** What a later step needs of a checkpoint; plain data, stored as a step's result. */
export type TakenCheckpoint = {
  id: string;
  key: string;
  /** False: the working tree is the base commit's own. */
  changed: boolean;
  treeSha: string;
  /** What git could not take in, in its words; null: nothing. */
  complaints: string | null;
};

/**
 * Keeps what a turn left behind outside its machine: the working tree as a bundle on `baseSha` and the conversation, sealed
 * under one key. The bundle stays at `<directory>/work.bundle` as well. Rejects with a UserError `checkpoint-too-large`
 * when it is larger than the operator allows, with a SetbackError when the storage is away.
 */
export async function takeCheckpoint(
  deps: TakeCheckpointDeps,
  input: {
    sandbox: Sandbox;
    session: Session;
    taskId: string;
    fence: number;
    baseSha: string;
    /** A folder of the bot for this attempt. */
    directory: string;
    /** Throws unless the claim is still the newest one; called in the transaction that records the checkpoint. */
    assertClaim: Parameters<typeof withAccount<void>>[2];
  },
): Promise<TakenCheckpoint> {
  const { sandbox, session, directory } = input;
  const { maxBytes } = deps.config.checkpoints;
  const [taken, transcriptSha256] = await Promise.all([
    takeBundle(sandbox, {
      baseSha: input.baseSha,
      maxBytes,
      hostPath: join(directory, checkpointParts.work),
    }).catch(async (error: unknown) => {
      throw await explainBundleFault(sandbox, error, { maxBytes });
    }),
    takeTranscript(sandbox, session, join(directory, checkpointParts.transcript)),
  ]);
  const changed = taken.kind === "bundle";
  const packed = join(directory, "checkpoint");
  await packParts(packed, [
    ...(changed ? [{ name: checkpointParts.work, path: taken.path }] : []),
    ...(transcriptSha256 === null
      ? []
      : [{ name: checkpointParts.transcript, path: join(directory, checkpointParts.transcript) }]),
  ]);
  const { size } = await stat(packed);
  if (size > maxBytes) throw checkpointTooLarge({ bytes: size, maxBytes });
  const id = uuidv7();
  const key = checkpointKey({ accountId: session.accountId, sessionId: session.id, id });
  const { bytes } = await fromService(
    "the storage for checkpoints",
    deps.checkpoints.put(key, { path: packed }),
  );
  await withAccount(deps.db, session.accountId, async (tx) => {
    await input.assertClaim(tx);
    const { baseSha, taskId, fence } = input;
    const { id: sessionId, accountId, claudeSessionId } = session;
    const row = {
      id,
      accountId,
      sessionId,
      taskId,
      fence,
      baseSha,
      claudeSessionId,
      transcriptSha256,
      bytes,
    };
    await recordCheckpoint(tx, { row: { ...row, treeSha: taken.treeSha }, machine: sandbox });
  });
  return { id, key, changed, treeSha: taken.treeSha, complaints: changed ? taken.complaints : null };
}

/** Copies the conversation to the host; answers its SHA-256, null when there is none. */
async function takeTranscript(sandbox: Sandbox, session: Session, hostPath: string): Promise<string | null> {
  const path = transcriptPath(sandbox, session.claudeSessionId);
  const transcript = await sandbox.readFile(path, { maxBytes: maxTranscriptBytes });
  if (transcript === null) return null;
  await writeFile(hostPath, transcript, { mode: 0o600 });
  return createHash("sha256").update(transcript).digest("hex");
}
