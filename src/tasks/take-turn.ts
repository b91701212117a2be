import { withAccount } from "../../db/client.ts";
import type { Deps } from "../deps.ts";
import { toError } from "../errors.ts";
import { mirrorHas } from "../github/mirror.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import { renewEgress } from "../sessions/renew-egress.ts";
import { openMachine } from "../sessions/open-machine.ts";
import { openSession } from "../sessions/open-session.ts";
import type { AgentRun } from "../sessions/run-agent.ts";
import { fromService } from "../sessions/session-fault.ts";
import { takeCheckpoint, type TakenCheckpoint } from "../sessions/take-checkpoint.ts";
import { provideAttachments } from "./attachments.ts";
import type { Attempt } from "./attempt.ts";
import { both } from "./both.ts";
import type { Claim } from "./claim-store.ts";
import { addNotices, assertFence } from "./fence-store.ts";
import { legStep } from "./leg-step.ts";
import { readEffectiveSettingsOf, setUpMachine } from "./set-up-machine.ts";
import { reopenStep } from "./step-store.ts";
import { runTurn, turnStepName } from "./run-turn.ts";
import { holderOf, runStep } from "./steps.ts";
import { turnMode } from "./turn-mode.ts";
import { untilStopped } from "./until-stopped.ts";

/** A turn that is over and kept: nothing after it needs its machine. */
export type KeptTurn = { run: AgentRun; checkpoint: TakenCheckpoint };

export type TakeTurnInput = Pick<
  Attempt,
  | "claim"
  | "watch"
  | "status"
  | "reader"
  | "start"
  | "openMirror"
  | "remoteUrl"
  | "directory"
  | "timeoutMs"
  | "repository"
> & {
  /** Puts something beside the checkout before the agent starts. */
  prepare?: (sandbox: Sandbox) => Promise<void>;
  /** What the server has to say about this turn, beside what was asked for. */
  about?: string;
};

/** The session's machine, one turn of the agent in it, and the checkpoint of what it left behind: a step. */
export async function takeTurn(deps: Deps, input: TakeTurnInput): Promise<KeptTurn> {
  return runStep<KeptTurn>(deps, holderOf(input.claim), {
    name: legStep("turn", input.claim.task.leg),
    find: () => Promise.resolve(null),
    act: () => turnInSession(deps, input),
  });
}

async function turnInSession(server: Deps, input: TakeTurnInput): Promise<KeptTurn> {
  const { claim, watch, directory, timeoutMs } = input;
  const startSha = input.start.sha;
  const { session, task, fence } = claim;
  const late = (what: string) => (err: Error) => {
    server.log.warn({ err, taskId: task.id }, `${what} that nobody waited for any more failed`);
  };
  const opening = fromService(
    "the sandbox",
    openMachine(server, { session, taskId: task.id, fence, timeoutMs }),
  );
  const [opened, { mirror, read }] = await both(
    untilStopped(opening, watch.signal, late("the opening of a machine")),
    openMirrorAndSettings(server, input),
  );
  const deps = withEgress(server, read?.settings.egressHosts);
  const machine = await renewEgress(deps, opened, { timeoutMs, before: server.config.sandbox.egressHosts });
  const filling = openSession(deps, machine, {
    session,
    headSha: startSha,
    mirrorPath: mirror.path,
    mirrorHas: (sha) => mirrorHas(mirror.path, sha),
    remoteUrl: input.remoteUrl,
    directory,
    signal: watch.signal,
  });
  // Its commands hear of the signal, a transfer that stands still does not.
  const rebuilt = await untilStopped(filling, watch.signal, late("the filling of a machine"));
  if (rebuilt !== null) {
    // What an agent's turn left in this machine is gone with the rebuilding: it has to be done again.
    await withAccount(deps.db, task.accountId, (tx) =>
      reopenStep(tx, task.id, turnStepName(machine.sandbox, task.leg)),
    );
    await notice(deps, input, { rebuilt });
  }
  const { sandbox } = machine;
  const untouched = !machine.found;
  const { reader } = input;
  const attached = await provideAttachments(deps, { task, reader, sandbox, untouched, signal: watch.signal });
  if (attached.skipped.length > 0 || task.notices.skippedAttachments !== undefined)
    await notice(deps, input, { skippedAttachments: attached.skipped });
  const setup = turnMode(claim).runsSetup
    ? await setUpMachine(deps, {
        ...{ claim, sandbox, read, signal: watch.signal },
        turnTimeoutMs: timeoutMs,
      })
    : { ran: false, notices: {} };
  if (Object.keys(setup.notices).length > 0) await notice(deps, input, setup.notices);
  const checkpoint = () =>
    takeCheckpoint(deps, {
      sandbox,
      session,
      taskId: task.id,
      fence,
      baseSha: startSha,
      directory,
      assertClaim: (tx) => assertFence(tx, { taskId: task.id, fence }),
    });
  await input.prepare?.(sandbox);
  try {
    const run = await runTurn(deps, {
      ...{ ...input, sandbox, attachments: attached.prompt },
      untouched: untouched && !setup.ran,
    });
    return { run, checkpoint: await checkpoint() };
  } catch (error) {
    if (watch.reason() === "cancelled" || watch.reason() === "drain")
      await keepInterrupted(deps, claim, checkpoint);
    throw error;
  }
}

async function openMirrorAndSettings(deps: Deps, { claim, repository, openMirror }: TakeTurnInput) {
  const mirror = await openMirror();
  return {
    mirror,
    read: await readEffectiveSettingsOf(deps, { claim, repository, mirrorPath: mirror.path }),
  };
}

/** The rest of a turn sees the hosts that the repository's settings allow. */
function withEgress(deps: Deps, egressHosts: readonly string[] | undefined): Deps {
  if (egressHosts === undefined) return deps;
  return { ...deps, config: { ...deps.config, sandbox: { ...deps.config.sandbox, egressHosts } } };
}

/** What a turn that was ended from outside left behind is kept where it can be; that it cannot must not hide why it was ended. */
async function keepInterrupted(
  deps: Pick<Deps, "log">,
  { task }: Claim,
  checkpoint: () => Promise<TakenCheckpoint>,
): Promise<void> {
  try {
    await checkpoint();
  } catch (error) {
    deps.log.warn({ err: toError(error), taskId: task.id }, "an interrupted turn could not be kept");
  }
}

async function notice(
  deps: Deps,
  { claim, status }: TakeTurnInput,
  notices: Claim["task"]["notices"],
): Promise<void> {
  const { id: taskId, accountId } = claim.task;
  await withAccount(deps.db, accountId, (tx) => addNotices(tx, { taskId, fence: claim.fence, notices }));
  status.update({ notices });
}
