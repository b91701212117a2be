import { join } from "node:path";
import { withAccount } from "../../db/client.ts";
import type { Deps } from "../deps.ts";
import { FencedError } from "../errors.ts";
import { checkOut } from "../sandbox/git-in.ts";
import { syncCheckout } from "../sandbox/sync-checkout.ts";
import { SandboxError, type Sandbox, type SandboxLease } from "../sandbox/sandbox.ts";
import { updateSession, type Session } from "./session-store.ts";

export const appName = "remote-claude";

/** A machine lives this much longer than the turn it is opened for. */
const graceMs = 2 * 60_000;

export type OpenSessionDeps = Pick<Deps, "db" | "config" | "sandboxes" | "log">;

export type OpenedSession = {
  sandbox: Sandbox;
  /** The commit that the checkout stands on. */
  headSha: string;
  /** The machine was there before, with what the last turn left in it. */
  resumed: boolean;
};

/**
 * The session's machine with the repository in it: connected to when it is there, made and filled when it is
 * not. `headSha` is where the branch stands on GitHub now; a checkout at another commit is moved there.
 */
export async function openSession(
  deps: OpenSessionDeps,
  input: {
    session: Session;
    taskId: string;
    fence: number;
    headSha: string;
    mirrorPath: string;
    /** The repository's address without any credential; the checkout's origin. */
    remoteUrl: string;
    timeoutMs: number;
  },
): Promise<OpenedSession> {
  const { session } = input;
  const found = await findSandbox(deps, input);
  const sandbox =
    found ??
    (await deps.sandboxes.create({
      metadata: { app: appName, session: session.id, fence: String(input.fence) },
      ...leaseOf(input),
    }));
  await keepId(deps, input, sandbox);
  const resumed = found !== null && (await bringUpToDate(found, input));
  if (!resumed) {
    await sandbox.remove(sandbox.paths.repo);
    await checkOut(sandbox, {
      mirrorPath: input.mirrorPath,
      sha: input.headSha,
      branch: session.branch,
      remoteUrl: input.remoteUrl,
      depth: 50,
      tempDir: join(deps.config.dataDir, "tmp"),
    });
  }
  await sandbox.writeFile(checkoutNote(sandbox), input.headSha);
  return { sandbox, headSha: input.headSha, resumed };
}

/** Whether the checkout of an earlier turn now stands on the wanted commit, with what belongs to no commit still in it. */
async function bringUpToDate(
  sandbox: Sandbox,
  input: { session: Session; headSha: string; mirrorPath: string },
): Promise<boolean> {
  const note = await sandbox.readFile(checkoutNote(sandbox), { maxBytes: 64 });
  const presentSha = note === null ? "" : Buffer.from(note).toString("utf8");
  if (!/^[0-9a-f]{40}$/.test(presentSha)) return false;
  if (presentSha === input.headSha) return true;
  const synced = await syncCheckout(sandbox, {
    mirrorPath: input.mirrorPath,
    sha: input.headSha,
    presentSha,
    madeSha: input.session.headSha ?? presentSha,
    branch: input.session.branch,
  });
  return synced.kind === "synced";
}

const leaseOf = ({ timeoutMs }: { timeoutMs: number }): SandboxLease => ({
  timeoutMs: timeoutMs + graceMs,
  egress: [],
});

const checkoutNote = (sandbox: Sandbox) => `${sandbox.paths.home}/.remote-claude-checkout`;

/** By the stored id, else by its mark: a machine whose id was never stored must not be made twice. */
async function findSandbox(
  deps: OpenSessionDeps,
  { session, timeoutMs }: { session: Session; timeoutMs: number },
): Promise<Sandbox | null> {
  const known =
    session.sandboxId ?? (await deps.sandboxes.list({ app: appName, session: session.id }))[0]?.id;
  if (known === undefined) return null;
  try {
    return await deps.sandboxes.connect(known, leaseOf({ timeoutMs }));
  } catch (error) {
    if (error instanceof SandboxError && error.fault === "gone") return null;
    throw error;
  }
}

async function keepId(
  deps: OpenSessionDeps,
  input: { session: Session; taskId: string; fence: number },
  sandbox: Sandbox,
): Promise<void> {
  const kept = await withAccount(deps.db, input.session.accountId, (tx) =>
    updateSession(tx, {
      sessionId: input.session.id,
      taskId: input.taskId,
      fence: input.fence,
      set: { sandboxProvider: sandbox.provider, sandboxId: sandbox.id, status: "active" },
    }),
  );
  if (!kept) throw new FencedError(`task ${input.taskId} was claimed again while its sandbox was opened`);
}
