import { withAccount } from "../../db/client.ts";
import type { Deps } from "../deps.ts";
import { toError, TransientError } from "../errors.ts";
import type { ServerCheck } from "../github/server-check.ts";
import { putTreeBack } from "../sandbox/put-tree-back.ts";
import { SandboxError } from "../sandbox/sandbox.ts";
import { runCommands, type CommandEnd } from "../sessions/run-commands.ts";
import type { TakenCheckpoint } from "../sessions/take-checkpoint.ts";
import type { EnteredSession, EnterInput } from "./enter-session.ts";
import { legStep } from "./leg-step.ts";
import { openWork } from "./open-work.ts";
import { countStepAttempts } from "./step-store.ts";
import { holderOf, runStep } from "./steps.ts";
import { machineGraceMs, withCommandGateway } from "./turn-commands.ts";

/** Tests that take their worker down with them must not keep the work from being published. */
const maxAttempts = 2;

export type TestTurnInput = Pick<EnterInput, "claim" | "watch" | "status" | "directory" | "start"> & {
  checkpoint: TakenCheckpoint;
};

/**
 * The repository's own test commands in the machine of a turn that is kept, a step: how they went is a value, also when the
 * machine fails under them. What they change in the files is put back. Rejects when the task is stopped meanwhile.
 */
export async function testTurn(
  { deps, sandbox, settings }: Pick<EnteredSession, "deps" | "sandbox" | "settings">,
  input: TestTurnInput,
): Promise<readonly ServerCheck[]> {
  const { claim, watch, status } = input;
  const { task } = claim;
  if (settings === null || settings.test.length === 0) return [];
  const { test: commands, testTimeoutMs: timeoutMs } = settings;
  const notRun = (from: number) => commands.slice(from).map((command) => neverRun(deps.redact(command)));
  const name = legStep("tests", task.leg);
  const before = await withAccount(deps.db, task.accountId, (tx) => countStepAttempts(tx, task.id, name));
  return runStep<readonly ServerCheck[]>(deps, holderOf(claim), {
    name,
    find: () => Promise.resolve(before >= maxAttempts ? notRun(0) : null),
    act: async () => {
      const ends: CommandEnd[] = [];
      const begun: string[] = [];
      try {
        await sandbox.extend(timeoutMs + machineGraceMs);
        await withCommandGateway(deps, { claim, sandbox, timeoutMs }, (redacting, way) =>
          runCommands(redacting, {
            ...{ ...way, commands, timeoutMs, signal: watch.signal },
            onProgress: ({ command }) => {
              begun.push(command);
              status.update({ phase: "testing", testing: command });
            },
            onEnd: (end) => ends.push(end),
          }),
        );
      } catch (error) {
        // The work is kept already, and a machine that the tests have brought down is no reason to do it again.
        if (!(error instanceof SandboxError)) throw error;
        deps.log.warn({ err: error, taskId: task.id }, "the machine failed under the repository's tests");
      } finally {
        await putBack(deps, sandbox, input);
      }
      if (ends.some(({ aborted }) => aborted) || watch.signal.aborted)
        throw new TransientError(`the repository's tests were ended: ${watch.reason() ?? "stopped"}`);
      const broken = begun.slice(ends.length).map((command) => brokenOff(command));
      return [...ends.map(toCheck), ...broken, ...notRun(begun.length)];
    },
  });
}

const neverRun = (command: string): ServerCheck => ({
  ...{ command, exitCode: null, ended: "not-run", signal: null, durationMs: 0, tail: "" },
});

const brokenOff = (command: string): ServerCheck => ({ ...neverRun(command), ended: "sandbox-failed" });

function toCheck({ command, exitCode, signal, timedOut, durationMs, tail }: CommandEnd): ServerCheck {
  const ended = timedOut ? "limit" : exitCode === null ? "signal" : "exited";
  return { command, exitCode, ended, signal: ended === "signal" ? signal : null, durationMs, tail };
}

/** The next turn begins with what this one left; where the files cannot be put back, it begins in a machine made anew. */
async function putBack(
  deps: Deps,
  sandbox: EnteredSession["sandbox"],
  { claim, start, checkpoint, directory }: TestTurnInput,
): Promise<void> {
  const { treeSha } = checkpoint;
  const openBundle = () => openWork(deps, { checkpoint, directory });
  try {
    await putTreeBack(sandbox, { treeSha, baseSha: start.sha, openBundle });
  } catch (error) {
    deps.log.warn(
      { err: toError(error), taskId: claim.task.id },
      "what the tests changed stays in the machine",
    );
  }
}
