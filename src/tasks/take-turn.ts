import { withAccount } from "../../db/client.ts";
import type { Deps } from "../deps.ts";
import { toError } from "../errors.ts";
import { mirrorHas, type Mirror } from "../github/mirror.ts";
import type { RepositoryClient } from "../github/octokit.ts";
import { openMachine } from "../sessions/open-machine.ts";
import { openSession } from "../sessions/open-session.ts";
import type { AgentRun } from "../sessions/run-agent.ts";
import { takeCheckpoint, type TakenCheckpoint } from "../sessions/take-checkpoint.ts";
import { provideAttachments } from "./attachments.ts";
import { both } from "./both.ts";
import type { Claim } from "./claim-store.ts";
import { addNotices, assertFence } from "./fence-store.ts";
import { runTurn } from "./run-turn.ts";
import type { Status } from "./say-status.ts";
import { holderOf, runStep } from "./steps.ts";
import type { TaskWatch } from "./task-watch.ts";

/** A turn that is over and kept: nothing after it needs its machine. */
export type KeptTurn = { run: AgentRun; checkpoint: TakenCheckpoint };

export type TakeTurnInput = {
  claim: Claim;
  watch: TaskWatch;
  status: Status;
  reader: RepositoryClient;
  /** The commit that the work starts from. */
  startSha: string;
  openMirror: () => Promise<Mirror>;
  remoteUrl: string;
  /** A folder of the bot for this attempt. */
  directory: string;
  timeoutMs: number;
};

/** The session's machine, one turn of the agent in it, and the checkpoint of what it left behind: a step. */
export async function takeTurn(deps: Deps, input: TakeTurnInput): Promise<KeptTurn> {
  return runStep<KeptTurn>(deps, holderOf(input.claim), {
    name: "turn",
    find: () => Promise.resolve(null),
    act: () => turnInSession(deps, input),
  });
}

async function turnInSession(deps: Deps, input: TakeTurnInput): Promise<KeptTurn> {
  const { claim, watch, startSha, directory, timeoutMs } = input;
  const { session, task, fence } = claim;
  const [machine, mirror] = await both(
    openMachine(deps, { session, taskId: task.id, fence, timeoutMs }),
    input.openMirror(),
  );
  const rebuilt = await openSession(deps, machine, {
    session,
    headSha: startSha,
    mirrorPath: mirror.path,
    mirrorHas: (sha) => mirrorHas(mirror.path, sha),
    remoteUrl: input.remoteUrl,
    directory,
    signal: watch.signal,
  });
  if (rebuilt !== null) await notice(deps, input, { rebuilt });
  const { sandbox } = machine;
  const untouched = !machine.found;
  const { reader } = input;
  const attached = await provideAttachments(deps, { task, reader, sandbox, untouched, signal: watch.signal });
  if (attached.skipped.length > 0 || task.notices.skippedAttachments !== undefined)
    await notice(deps, input, { skippedAttachments: attached.skipped });
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
  try {
    const run = await runTurn(deps, { ...input, sandbox, untouched, attachments: attached.prompt });
    return { run, checkpoint: await checkpoint() };
  } catch (error) {
    if (watch.reason() === "cancelled" || watch.reason() === "drain")
      await keepInterrupted(deps, claim, checkpoint);
    throw error;
  }
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
