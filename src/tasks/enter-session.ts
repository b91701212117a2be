import { withAccount } from "../../db/client.ts";
import { crashPoint } from "../crash-point.ts";
import type { Deps } from "../deps.ts";
import { mirrorHas } from "../github/mirror-has.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import { openMachine } from "../sessions/open-machine.ts";
import { openSession, prepareSession } from "../sessions/open-session.ts";
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
  /** Whether one goes on, in a home that nobody has touched since it was made new; null: it has to be made new. */
  conversation: boolean | null;
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
  const mirror = input.openMirror();
  const filling = {
    ...{ session, headSha: input.start.sha, remoteUrl: input.remoteUrl },
    ...{ directory, signal: watch.signal },
  };
  const prepare = async () => {
    const { path: mirrorPath } = await mirror;
    return { mirrorPath, prepared: await prepareSession({ ...filling, mirrorPath }) };
  };
  const fill = async () => {
    const [opened, { mirrorPath, prepared }] = await both(
      untilStopped(opening, watch.signal, late("the opening of a machine")),
      prepare(),
    );
    const opens = openSession(server, opened, {
      ...{ ...filling, mirrorPath, prepared },
      mirrorHas: (sha) => mirrorHas(mirrorPath, sha),
    });
    // Its commands hear of the signal, a transfer that stands still does not.
    const filled = await untilStopped(opens, watch.signal, late("the filling of a machine"));
    await crashPoint("session-filled", task.id);
    return { opened, ...filled };
  };
  const [{ opened, rebuilt, conversation }, read] = await both(fill(), readSettings(server, input, mirror));
  const deps = withEgress(server, read?.settings.egressHosts);
  const machine = await renewEgress(deps, opened, { timeoutMs, before: server.config.sandbox.egressHosts });
  if (rebuilt !== null) {
    // What an agent's turn left in this machine is gone with the rebuilding: it has to be done again.
    await withAccount(deps.db, task.accountId, (tx) =>
      reopenStep(tx, task.id, turnStepName(machine.sandbox, task.leg)),
    );
    await notice(deps, input, { rebuilt });
  }
  const { sandbox } = machine;
  const attached = await provideAttachments(deps, {
    ...{ task, reader: input.reader, sandbox, signal: watch.signal },
    clean: conversation !== null,
  });
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
    ...{ conversation: setup.ran ? null : conversation, attachments: attached.prompt },
  };
}

async function readSettings(
  deps: Deps,
  { claim, repository }: EnterInput,
  mirror: ReturnType<EnterInput["openMirror"]>,
): Promise<EffectiveSettings | null> {
  const { path: mirrorPath } = await mirror;
  return readEffectiveSettingsOf(deps, { claim, repository, mirrorPath });
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
