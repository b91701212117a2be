import { withAccount } from "../../db/client.ts";
import type { Deps } from "../deps.ts";
import { mirrorHas } from "../github/mirror.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import { openMachine } from "../sessions/open-machine.ts";
import { openSession } from "../sessions/open-session.ts";
import { renewEgress } from "../sessions/renew-egress.ts";
import { fromService } from "../sessions/session-fault.ts";
import { provideAttachments } from "./attachments.ts";
import type { Attempt } from "./attempt.ts";
import { both } from "./both.ts";
import type { Claim } from "./claim-store.ts";
import type { EffectiveSettings } from "./effective-settings.ts";
import { addNotices } from "./fence-store.ts";
import { turnStepName } from "./run-turn.ts";
import { readEffectiveSettingsOf, setUpMachine } from "./set-up-machine.ts";
import { reopenStep } from "./step-store.ts";
import { turnMode } from "./turn-mode.ts";
import { untilStopped } from "./until-stopped.ts";

export type EnterInput = Pick<
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
>;

export type EnteredSession = {
  /** With the hosts that the repository's settings allow. */
  deps: Deps;
  sandbox: Sandbox;
  /** Null: none are to be had. */
  settings: EffectiveSettings["settings"] | null;
  /** Nothing but we ourselves has run in the machine yet. */
  untouched: boolean;
  /** What the prompt says of the attached files. */
  attachments: string | null;
};

/** The session's machine, made or found, with its checkout where the work starts and set up as the repository asks. */
export async function enterSession(server: Deps, input: EnterInput): Promise<EnteredSession> {
  const { claim, watch, directory, timeoutMs } = input;
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
    headSha: input.start.sha,
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
  return {
    ...{ deps, sandbox, settings: read?.settings ?? null },
    ...{ untouched: untouched && !setup.ran, attachments: attached.prompt },
  };
}

async function openMirrorAndSettings(deps: Deps, { claim, repository, openMirror }: EnterInput) {
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

async function notice(
  deps: Deps,
  { claim, status }: EnterInput,
  notices: Claim["task"]["notices"],
): Promise<void> {
  const { id: taskId, accountId } = claim.task;
  await withAccount(deps.db, accountId, (tx) => addNotices(tx, { taskId, fence: claim.fence, notices }));
  status.update({ notices });
}
