import { withAccount } from "../../db/client.ts";
import type { Deps } from "../deps.ts";
import { TransientError } from "../errors.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import { runAgent, type AgentRun, type Turn } from "../sessions/run-agent.ts";
import { turnFiles } from "../sessions/turn-files.ts";
import { markAhead } from "../sessions/checkpoint-store.ts";
import { legStep } from "./leg-step.ts";
import { renderPrompt } from "./prompt.ts";
import type { Status } from "./say-status.ts";
import { countStepAttempts } from "./step-store.ts";
import { holderOf, runStep } from "./steps.ts";
import type { Claim } from "./claim-store.ts";
import { storePrompt, updateClaimed } from "./fence-store.ts";
import { turnMode } from "./turn-mode.ts";
import type { TaskWatch } from "./task-watch.ts";
import { turnSteering } from "./turn-steering.ts";

/** A turn that fails for the model's own reasons is begun again by the queue, this often in all. */
const maxTurnAttempts = 5;
const modelPauseMs = 5_000;

/** What a turn left behind is in its machine: in a new one it has to be done again. */
export const turnStepName = (sandbox: Pick<Sandbox, "id">, leg: number) =>
  legStep(`agent:${sandbox.id}`, leg);

/** The agent's turn, a step: once it has finished, a later attempt goes on with what it left behind. */
export async function runTurn(
  deps: Deps,
  {
    claim,
    watch,
    status,
    sandbox,
    conversation,
    timeoutMs,
    attachments,
    about = null,
  }: {
    claim: Claim;
    watch: TaskWatch;
    status: Status;
    sandbox: Sandbox;
    conversation: boolean | null;
    timeoutMs: number;
    attachments: string | null;
    about?: string | null;
  },
): Promise<AgentRun> {
  const { task, session, fence } = claim;
  const name = turnStepName(sandbox, task.leg);
  // A stopped task may have been ended already; nothing may set it running again.
  watch.signal.throwIfAborted();
  const [attempts] = await withAccount(deps.db, task.accountId, (tx) =>
    Promise.all([
      countStepAttempts(tx, task.id, name),
      updateClaimed(tx, { taskId: task.id, fence, set: { status: "running" } }),
      // From here on the machine holds more than the last checkpoint does, until the next one is taken.
      markAhead(tx, sandbox),
    ]),
  );
  status.update({ phase: "running" });
  return runStep<AgentRun>(deps, holderOf(claim), {
    name,
    find: () => Promise.resolve(null),
    act: async () => {
      const { promptPart, steering } = await turnSteering(deps, { claim, watch, status });
      const run = await runAgent(deps, {
        sandbox,
        conversation,
        signal: watch.signal,
        onProgress: status.update,
        steering,
        turn: {
          taskId: task.id,
          accountId: task.accountId,
          fence,
          claudeSessionId: session.claudeSessionId,
          model: task.options.model ?? deps.config.model.name,
          maxTurns: task.options.maxTurns ?? deps.config.limits.maxTurns,
          timeoutMs,
          ...agentMode(claim),
          renderPrompt: (resumed) =>
            promptOf(claim, sandbox, { resumed, interrupted: attempts > 0, attachments, about }) +
            (promptPart === "" ? "" : `\n${promptPart}`),
        },
        onPrompt: (prompt) =>
          withAccount(deps.db, task.accountId, (tx) => storePrompt(tx, { taskId: task.id, fence, prompt })),
      });
      if (watch.reason() !== null) throw new TransientError(`the turn was ended: ${watch.reason() ?? ""}`);
      if (run.outcome.kind === "model-error" && run.outcome.retry && attempts + 1 < maxTurnAttempts) {
        throw new TransientError(run.outcome.message, { retryAfterMs: modelPauseMs * (attempts + 1) });
      }
      return run;
    },
  });
}

function agentMode(claim: Claim): Pick<Turn, "tools" | "readsMemory"> {
  const { tools, readsMemory } = turnMode(claim);
  return { tools, readsMemory };
}

function promptOf(
  claim: Claim,
  sandbox: Sandbox,
  turn: { resumed: boolean; interrupted: boolean; attachments: string | null; about: string | null },
): string {
  const { task, session } = claim;
  return renderPrompt({
    context: task.context,
    answer: task.answer,
    verb: task.verb,
    instruction: task.instruction,
    requester: task.requesterLogin,
    interrupted: turn.interrupted,
    attachments: turn.attachments,
    about: turn.about,
    followUp: turn.resumed,
    branch: session.branch,
    resultPath: turnFiles(sandbox).result,
    repositoryPath: sandbox.paths.repo,
  });
}
