import { withAccount } from "../../db/client.ts";
import type { Deps } from "../deps.ts";
import { toError } from "../errors.ts";
import type { ServerCheck } from "../github/server-check.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import type { AgentRun } from "../sessions/run-agent.ts";
import { takeCheckpoint, type TakenCheckpoint } from "../sessions/take-checkpoint.ts";
import { meterMachine } from "../usage/meter-machine.ts";
import { findRateCard } from "../usage/rate-cards.ts";
import type { Claim } from "./claim-store.ts";
import { enterSession, type EnteredSession, type EnterInput } from "./enter-session.ts";
import { assertFence } from "./fence-store.ts";
import { keepTree } from "./keep-tree.ts";
import { legStep } from "./leg-step.ts";
import { runTurn } from "./run-turn.ts";
import { findStep } from "./step-store.ts";
import { holderOf, runStep } from "./steps.ts";
import { testTurn } from "./test-turn.ts";
import { turnMode } from "./turn-mode.ts";

/** A turn that is over and kept: nothing after it needs its machine. */
export type KeptTurn = {
  run: AgentRun;
  checkpoint: TakenCheckpoint;
  /** How the repository's own tests went; none when there was nothing to test. */
  checks: readonly ServerCheck[];
};

export type TakeTurnInput = EnterInput & {
  /** Puts something beside the checkout before the agent starts. */
  prepare?: (sandbox: Sandbox) => Promise<void>;
  /** What the server has to say about this turn, beside what was asked for. */
  about?: string;
};

/** The session's machine, one turn of the agent in it, the checkpoint of what it left behind, and the tests of that: a step. */
export async function takeTurn(deps: Deps, input: TakeTurnInput): Promise<KeptTurn> {
  const { claim } = input;
  const { id, accountId, leg } = claim.task;
  const beforeTests = legStep("kept-turn", leg);
  return runStep<KeptTurn>(deps, holderOf(claim), {
    name: legStep("turn", leg),
    find: async () => {
      const step = await withAccount(deps.db, accountId, (tx) => findStep(tx, id, beforeTests));
      if (step === null) return null;
      // What was stored is what this step returned, as JSON keeps it.
      const kept = step.result as KeptTurn;
      const entered = await enterSession(deps, input);
      const checks = await metered(entered, claim, () => testTurn(entered, { ...input, ...kept }));
      return { ...kept, checks };
    },
    act: async () => {
      const entered = await enterSession(deps, input);
      return metered(entered, claim, async () => {
        const kept = await turnInSession(entered, input);
        if (!isTested(entered, claim, kept)) return kept;
        // A worker that is killed while the tests run has not lost the turn.
        await runStep<KeptTurn>(deps, holderOf(claim), {
          name: beforeTests,
          find: () => Promise.resolve(null),
          act: () => Promise.resolve(kept),
        });
        return { ...kept, checks: await testTurn(entered, { ...input, ...kept }) };
      });
    },
  });
}

/** What a turn and the tests after it take of the machine is the account's to pay; getting the machine ready is not. */
function metered<T>(
  { deps, sandbox }: EnteredSession,
  { task, session, fence }: Claim,
  work: () => Promise<T>,
): Promise<T> {
  const { id: taskId, accountId } = task;
  const machine = { provider: sandbox.provider, sandboxId: sandbox.id };
  const use = { taskId, accountId, sessionId: session.id, attempt: fence, ...machine };
  return meterMachine(deps, { use, card: findRateCard(task.createdAt) }, work);
}

function isTested({ settings }: EnteredSession, claim: Claim, { run, checkpoint }: KeptTurn): boolean {
  const nothing = settings === null || settings.test.length === 0 || !checkpoint.changed;
  return !nothing && turnMode(claim).runsTests && run.outcome.kind === "finished";
}

async function turnInSession(
  { deps, sandbox, conversation, attachments }: EnteredSession,
  input: TakeTurnInput,
): Promise<KeptTurn> {
  const { claim, watch, directory } = input;
  const { session, task, fence } = claim;
  const baseSha = input.start.sha;
  const putBack = await keepTree(deps, { claim, sandbox, baseSha, directory, signal: watch.signal });
  const checkpoint = async () => {
    await putBack();
    return takeCheckpoint(deps, {
      sandbox,
      session,
      taskId: task.id,
      fence,
      baseSha,
      directory,
      assertClaim: (tx) => assertFence(tx, { taskId: task.id, fence }),
    });
  };
  await input.prepare?.(sandbox);
  try {
    const run = await runTurn(deps, { ...input, sandbox, attachments, conversation });
    return { run, checkpoint: await checkpoint(), checks: [] };
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
