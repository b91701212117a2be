import { join } from "node:path";
import { withAccount } from "../../db/client.ts";
import type { Deps } from "../deps.ts";
import { checkOut } from "../sandbox/git-in.ts";
import { readCheckoutState } from "../sandbox/checkout-state.ts";
import { SandboxError, type Sandbox } from "../sandbox/sandbox.ts";
import { syncCheckout } from "../sandbox/sync-checkout.ts";
import { findLatestCheckpoint, type Checkpoint } from "./checkpoint-store.ts";
import type { OpenedMachine } from "./open-machine.ts";
import { recordSetup } from "./setup-store.ts";
import { openSoundCheckpoint, restoreCheckpoint } from "./restore-checkpoint.ts";
import type { Session } from "./session-store.ts";
import { transcriptPath } from "./transcript-path.ts";

export type OpenSessionDeps = Pick<Deps, "db" | "config" | "checkpoints" | "log">;

export type OpenSessionInput = {
  session: Session;
  /** Where the branch stands on GitHub now, or where the work starts. */
  headSha: string;
  mirrorPath: string;
  /** Whether the bot's mirror has a commit. */
  mirrorHas: (sha: string) => Promise<boolean>;
  /** The repository's address without any credential; the checkout's origin. */
  remoteUrl: string;
  /** A folder of the bot for this attempt. */
  directory: string;
  signal: AbortSignal;
};

/**
 * How the session was found: null as it was left, or never begun; whole: made anew from its checkpoint; partly: made anew
 * without what a turn had not handed in.
 */
export type Rebuilt = null | "whole" | "partly";

/**
 * Fills a machine with the session: a machine of an earlier turn is held against the checkpoint and moved to `headSha`; any
 * other, and one that differs, gets the checkpoint, or a checkout of `headSha` where there is none.
 */
export async function openSession(
  deps: OpenSessionDeps,
  machine: OpenedMachine,
  input: OpenSessionInput,
): Promise<Rebuilt> {
  const { sandbox } = machine;
  const { session, headSha } = input;
  const checkpoint = await inSession(deps, session, (tx) => findLatestCheckpoint(tx, session.id));
  const standing = machine.found ? await readNote(sandbox) : null;
  if (standing !== null && (machine.ahead || (await isAsLeft(deps, { sandbox, checkpoint, session })))) {
    if (await moveTo(sandbox, { ...input, standing })) return null;
  }
  const opened =
    checkpoint !== null && (await input.mirrorHas(checkpoint.baseSha))
      ? await openSoundCheckpoint(deps, { checkpoint, directory: input.directory })
      : null;
  const restored = opened === null ? null : checkpoint;
  await checkOutAnew(deps, { ...input, sandbox, sha: restored?.baseSha ?? headSha, found: machine.found });
  if (restored !== null && opened !== null)
    await restoreCheckpoint({ sandbox, checkpoint: restored, opened });
  await writeNote(sandbox, restored?.baseSha ?? headSha);
  const lostTurn = machine.ahead || machine.left?.ahead === true;
  if (restored !== null && !(await moveTo(sandbox, { ...input, standing: restored.baseSha }))) {
    await checkOutAnew(deps, { ...input, sandbox, sha: headSha, found: true });
    await writeNote(sandbox, headSha);
    return "partly";
  }
  if (lostTurn || (checkpoint !== null && restored === null)) return "partly";
  return checkpoint === null ? null : "whole";
}

/** A fresh checkout of a commit. The note goes first and comes back last, so that a half made one is seen as such. */
async function checkOutAnew(
  deps: OpenSessionDeps,
  input: OpenSessionInput & { sandbox: Sandbox; sha: string; found: boolean },
): Promise<void> {
  const { sandbox } = input;
  if (input.found) {
    await sandbox.remove(notePath(sandbox));
    await sandbox.remove(sandbox.paths.repo);
    await inSession(deps, input.session, (tx) => recordSetup(tx, sandbox, null));
  }
  await checkOut(sandbox, {
    mirrorPath: input.mirrorPath,
    sha: input.sha,
    branch: input.session.branch,
    remoteUrl: input.remoteUrl,
    depth: 50,
    tempDir: join(deps.config.dataDir, "tmp"),
    signal: input.signal,
  });
}

/** Whether a machine still holds exactly what the checkpoint does: a resumed one need not. */
async function isAsLeft(
  deps: OpenSessionDeps,
  { sandbox, checkpoint, session }: { sandbox: Sandbox; checkpoint: Checkpoint | null; session: Session },
): Promise<boolean> {
  if (checkpoint === null) return false;
  const path = transcriptPath(sandbox, checkpoint.claudeSessionId);
  const state = await readCheckoutState(sandbox, { baseSha: checkpoint.baseSha, transcriptPath: path });
  const same =
    state !== null &&
    state.treeSha === checkpoint.treeSha &&
    state.transcriptSha256 === checkpoint.transcriptSha256 &&
    session.claudeSessionId === checkpoint.claudeSessionId;
  if (!same) {
    deps.log.warn(
      { sandboxId: sandbox.id, sessionId: session.id, state, checkpointId: checkpoint.id },
      "a machine does not hold what its checkpoint does",
    );
  }
  return same;
}

/** Moves the checkout to where the branch stands, with what belongs to no commit still in it; false when it cannot be. */
async function moveTo(
  sandbox: Sandbox,
  { session, headSha, mirrorPath, standing, signal }: OpenSessionInput & { standing: string },
): Promise<boolean> {
  if (standing === headSha) return true;
  const madeSha = session.headSha ?? standing;
  const { branch } = session;
  const synced = await syncCheckout(sandbox, {
    mirrorPath,
    sha: headSha,
    presentSha: standing,
    madeSha,
    branch,
    signal,
  });
  if (synced.kind === "synced") await writeNote(sandbox, headSha);
  return synced.kind === "synced";
}

/** Which commit the checkout stands on; written when it is complete. What the agent makes of it concerns its own session only. */
const notePath = (sandbox: Sandbox) => `${sandbox.paths.home}/.remote-claude-checkout`;

const writeNote = (sandbox: Sandbox, sha: string) => sandbox.writeFile(notePath(sandbox), sha);

async function readNote(sandbox: Sandbox): Promise<string | null> {
  const note = await sandbox.readFile(notePath(sandbox), { maxBytes: 64 }).catch((error: unknown) => {
    // Something else stands there, made by the agent: as good as none.
    if (error instanceof SandboxError && error.fault === "refused") return null;
    throw error;
  });
  const sha = note === null ? "" : Buffer.from(note).toString("utf8");
  return /^[0-9a-f]{40}$/.test(sha) ? sha : null;
}

function inSession<T>(
  deps: Pick<Deps, "db">,
  session: Session,
  run: Parameters<typeof withAccount<T>>[2],
): Promise<T> {
  return withAccount(deps.db, session.accountId, run);
}
