import { withAccount } from "../../db/client.ts";
import { crashPoint } from "../crash-point.ts";
import type { Deps } from "../deps.ts";
import { FencedError, toError, TransientError } from "../errors.ts";
import type { SandboxRef } from "../sandbox/fleet.ts";
import { SandboxError, type Sandbox, type SandboxLease } from "../sandbox/sandbox.ts";
import { isAhead } from "./checkpoint-store.ts";
import { markEnded, recordSandbox } from "./sandbox-store.ts";
import { updateSession, type Session } from "./session-store.ts";

export type OpenMachineDeps = Pick<Deps, "db" | "system" | "config" | "sandboxes" | "log">;

export type OpenedMachine = {
  sandbox: Sandbox;
  /** It may have been there before this claim, and hold what an earlier turn left: nobody can tell of one that had lost its id. */
  found: boolean;
  /** It may hold more than the session's last checkpoint does. */
  ahead: boolean;
  /** The machine that the session had before and that is used no more; null when it had none. */
  left: { ahead: boolean } | null;
};

/** A machine lives this much longer than the turn it is opened for. */
const graceMs = 2 * 60_000;

/**
 * The session's machine: connected to when it can be, else a new one along the order of providers. Its id is kept under the
 * task's fence before anything is put into it.
 */
export async function openMachine(
  deps: OpenMachineDeps,
  input: { session: Session; taskId: string; fence: number; timeoutMs: number },
): Promise<OpenedMachine> {
  const { session, fence } = input;
  const lease = leaseOf(deps, input.timeoutMs);
  const known = await findKnown(deps, session, fence);
  const ahead = known !== null && (await inSession(deps, session, (tx) => isAhead(tx, known)));
  const connected =
    known === null || !(await keep(deps, input, known))
      ? null
      : await connect(deps, { known, lease, session, ahead });
  const sandbox = connected ?? (await create(deps, input, lease));
  return {
    sandbox,
    found: known !== null,
    ahead: connected !== null && ahead,
    left: known === null || connected !== null ? null : { ahead },
  };
}

/** By the stored id, else by its mark: a machine whose id was never stored must not be made twice. */
async function findKnown(deps: OpenMachineDeps, session: Session, fence: number): Promise<SandboxRef | null> {
  const { sandboxProvider: provider, sandboxId: id } = session;
  if (provider !== null && id !== null) return { provider, id };
  // The very first claim of a session has no predecessor that could have made one.
  if (session.status === "provisioning" && fence === 1) return null;
  const { machines } = await deps.sandboxes.list({ app: deps.sandboxes.app, session: session.id });
  return machines[0] ?? null;
}

/** Null when the session has to go on in another machine. */
async function connect(
  deps: OpenMachineDeps,
  {
    known,
    lease,
    session,
    ahead,
  }: { known: SandboxRef; lease: SandboxLease; session: Session; ahead: boolean },
): Promise<Sandbox | null> {
  try {
    return await deps.sandboxes.connect(known, lease);
  } catch (error) {
    if (!(error instanceof SandboxError)) throw error;
    const about = {
      err: toError(error),
      sandboxId: known.id,
      provider: known.provider,
      sessionId: session.id,
    };
    if (error.fault === "gone") {
      deps.log.warn(about, "a session's machine is gone");
      await endGone(deps, known);
      await inSession(deps, session, (tx) => markEnded(tx, known, "gone"));
      return null;
    }
    if (mustWait(deps, { provider: known.provider, ahead })) {
      if (error.fault === "auth" || error.fault === "refused") throw error;
      const what = `the machine of session ${session.id} cannot be reached now`;
      throw new TransientError(what, { cause: error });
    }
    deps.log.warn(about, "a session moves to another machine");
    return null;
  }
}

/**
 * A provider that does not let us in may still list the machine, and `create`, which looks for what it made before, would come
 * upon it again: the mark of a session's first claim is the same for each of its tasks.
 */
async function endGone({ sandboxes, log }: OpenMachineDeps, known: SandboxRef): Promise<void> {
  try {
    await sandboxes.kill(known);
  } catch (error) {
    log.warn({ err: toError(error), sandboxId: known.id }, "a machine that is gone could not be ended");
  }
}

/** Where no other provider could take over, and where only this machine holds what a turn did, and its provider may come back. */
function mustWait(
  { sandboxes }: OpenMachineDeps,
  { provider, ahead }: { provider: string; ahead: boolean },
): boolean {
  if (!sandboxes.providers.includes(provider)) return false;
  return sandboxes.providers.length === 1 || (ahead && sandboxes.state()[provider]?.state !== "open");
}

/** For a turn of `timeoutMs`. */
export function leaseOf(deps: Pick<Deps, "config">, timeoutMs: number): SandboxLease {
  return { timeoutMs: timeoutMs + graceMs, egress: egressOf(deps) };
}

/** What an agent elsewhere may reach: this server, and what the operator allows. Here the gateway itself decides. */
function egressOf({ config }: Pick<Deps, "config">): string[] {
  if (config.server.publicUrl === null) return [];
  return [new URL(config.server.publicUrl).hostname, ...config.sandbox.egressHosts];
}

async function create(
  deps: OpenMachineDeps,
  input: { session: Session; taskId: string; fence: number },
  lease: SandboxLease,
): Promise<Sandbox> {
  const { session, fence, taskId } = input;
  const metadata = { app: deps.sandboxes.app, session: session.id, fence: String(fence) };
  const sandbox = await deps.sandboxes.create({ metadata, ...lease });
  await crashPoint("machine-made", taskId);
  if (await keep(deps, input, sandbox)) return sandbox;
  throw new TransientError(`the machine ${sandbox.id} of task ${taskId} was ended as soon as it was made`);
}

/** Writes down, under the task's fence, which machine the session uses; false when that machine is being ended. */
async function keep(
  deps: OpenMachineDeps,
  { session, taskId, fence }: { session: Session; taskId: string; fence: number },
  { provider, id }: SandboxRef,
): Promise<boolean> {
  return inSession(deps, session, async (tx) => {
    const { accountId, id: sessionId } = session;
    if (!(await recordSandbox(tx, { provider, id, accountId, sessionId, fence }))) return false;
    const set = { sandboxProvider: provider, sandboxId: id, status: "active" } as const;
    if (await updateSession(tx, { sessionId, taskId, fence, set })) return true;
    throw new FencedError(`task ${taskId} was claimed again while its sandbox was opened`);
  });
}

function inSession<T>(
  deps: OpenMachineDeps,
  session: Session,
  run: Parameters<typeof withAccount<T>>[2],
): Promise<T> {
  return withAccount(deps.db, session.accountId, run);
}
