import { withAccount } from "../../db/client.ts";
import type { Deps } from "../deps.ts";
import { checkOut, prepareCheckout, type PreparedCheckout } from "../sandbox/git-in.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import { resumeCheckout } from "../sandbox/resume-checkout.ts";
import { syncCheckout } from "../sandbox/sync-checkout.ts";
import { checkoutNote, readCheckoutNote } from "./checkout-note.ts";
import { findLatestCheckpoint, type Checkpoint } from "./checkpoint-store.ts";
import type { OpenedMachine } from "./open-machine.ts";
import { recordSetup } from "./setup-store.ts";
import { openSoundCheckpoint, restoreCheckpoint } from "./restore-checkpoint.ts";
import { parseRenewed, renewHomeCommand } from "./renew-home-command.ts";
import type { Session } from "./session-store.ts";
import { transcriptPath } from "./transcript-path.ts";
import { turnLeftovers } from "./turn-files.ts";

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
  /** What `prepareSession` made while the machine was opened. */
  prepared: PreparedCheckout | null;
  signal: AbortSignal;
};

type CheckoutOf = Pick<OpenSessionInput, "session" | "mirrorPath" | "remoteUrl" | "directory" | "signal">;

const checkoutOf = ({ session, directory: tempDir, ...input }: CheckoutOf & { sha: string }) => {
  const { sha, mirrorPath, remoteUrl, signal } = input;
  return { sha, mirrorPath, remoteUrl, signal, tempDir, branch: session.branch, depth: 50 };
};

/** The checkout of a session that has no machine yet, which need not wait for one; null: it has. */
export async function prepareSession(
  input: CheckoutOf & Pick<OpenSessionInput, "headSha">,
): Promise<PreparedCheckout | null> {
  if (input.session.sandboxId !== null) return null;
  return prepareCheckout(checkoutOf({ ...input, sha: input.headSha }));
}

/**
 * How the session was found: null as it was left, or never begun; whole: made anew from its checkpoint; partly: made anew
 * without what a turn had not handed in.
 */
export type Rebuilt = null | "whole" | "partly";

export type OpenedSession = {
  rebuilt: Rebuilt;
  /**
   * Whether there is a conversation to resume, in a home that holds nothing else of the agent's and no leftovers of a turn;
   * null: the home has to be made new.
   */
  conversation: boolean | null;
};

/**
 * Fills a machine with the session: a machine of an earlier turn is held against the checkpoint and moved to `headSha`; any
 * other, and one that differs, gets the checkpoint, or a checkout of `headSha` where there is none.
 */
export async function openSession(
  deps: OpenSessionDeps,
  machine: OpenedMachine,
  input: OpenSessionInput,
): Promise<OpenedSession> {
  const { sandbox } = machine;
  const { session, headSha } = input;
  const checkpoint = await inSession(deps, session, (tx) => findLatestCheckpoint(tx, session.id));
  if (machine.found) {
    const left = await goOn(deps, machine, { ...input, checkpoint });
    if (left !== null) return { rebuilt: null, ...left };
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
  const conversation = machine.found ? null : restored !== null && hasConversation(restored, session);
  const lostTurn = machine.ahead || machine.left?.ahead === true;
  if (restored !== null && !(await moveTo(sandbox, { ...input, standing: restored.baseSha }))) {
    await checkOutAnew(deps, { ...input, sandbox, sha: headSha, found: true });
    await writeNote(sandbox, headSha);
    return { rebuilt: "partly", conversation };
  }
  if (lostTurn || (checkpoint !== null && restored === null)) return { rebuilt: "partly", conversation };
  return { rebuilt: checkpoint === null ? null : "whole", conversation };
}

const hasConversation = (checkpoint: Checkpoint, session: Session) =>
  checkpoint.transcriptSha256 !== null && checkpoint.claudeSessionId === session.claudeSessionId;

/** A fresh checkout of a commit. The note goes first and comes back last, so that a half made one is seen as such. */
async function checkOutAnew(
  deps: OpenSessionDeps,
  input: OpenSessionInput & { sandbox: Sandbox; sha: string; found: boolean },
): Promise<void> {
  const { sandbox } = input;
  if (input.found) {
    await sandbox.remove(checkoutNote(sandbox));
    await sandbox.remove(sandbox.paths.repo);
    await inSession(deps, input.session, (tx) => recordSetup(tx, sandbox, null));
  }
  await checkOut(sandbox, { ...checkoutOf(input), prepared: input.prepared });
}

type Found = OpenSessionInput & { checkpoint: Checkpoint | null };

type AsLeft = Pick<OpenedSession, "conversation">;

/** The session goes on in what the machine holds, which stands on `headSha` then; null: it cannot. */
async function goOn(
  deps: OpenSessionDeps,
  { sandbox, ahead }: OpenedMachine,
  input: Found,
): Promise<AsLeft | null> {
  const resumed = ahead
    ? { standing: await readCheckoutNote(sandbox), conversation: null }
    : await resumeAsLeft(deps, sandbox, input);
  const { standing, conversation } = resumed;
  if (standing === null || !(await moveTo(sandbox, { ...input, standing }))) return null;
  return { conversation };
}

/**
 * The commit on which a checkout stands that is exactly what the checkpoint holds, and that was moved to `headSha` on the
 * way, with the home made new, where that was one step; null for any other, which a resumed machine may have.
 */
async function resumeAsLeft(
  deps: OpenSessionDeps,
  sandbox: Sandbox,
  { session, checkpoint, ...input }: Found,
): Promise<AsLeft & { standing: string | null }> {
  const differs = { standing: null, conversation: null };
  if (checkpoint === null) return differs;
  const { baseSha, treeSha, transcriptSha256, claudeSessionId } = checkpoint;
  const { state, standing, moved, said } = await resumeCheckout(sandbox, {
    ...{ mirrorPath: input.mirrorPath, sha: input.headSha, signal: input.signal },
    ...{ presentSha: baseSha, madeSha: session.headSha ?? baseSha, branch: session.branch },
    left: { treeSha, transcriptSha256 },
    transcriptPath: transcriptPath(sandbox, claudeSessionId),
    notePath: checkoutNote(sandbox),
    next: renewHomeCommand(sandbox, { claudeSessionId, leftovers: turnLeftovers(sandbox) }),
  });
  if (moved && session.claudeSessionId === claudeSessionId)
    return { standing: input.headSha, conversation: parseRenewed(said) };
  const same =
    state?.treeSha === treeSha &&
    state.transcriptSha256 === transcriptSha256 &&
    session.claudeSessionId === claudeSessionId;
  if (same) return { standing, conversation: null };
  deps.log.warn(
    { sandboxId: sandbox.id, sessionId: session.id, state, checkpointId: checkpoint.id },
    "a machine does not hold what its checkpoint does",
  );
  return differs;
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

const writeNote = (sandbox: Sandbox, sha: string) => sandbox.writeFile(checkoutNote(sandbox), sha);

function inSession<T>(
  deps: Pick<Deps, "db">,
  session: Session,
  run: Parameters<typeof withAccount<T>>[2],
): Promise<T> {
  return withAccount(deps.db, session.accountId, run);
}
