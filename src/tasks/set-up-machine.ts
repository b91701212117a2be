import { withAccount } from "../../db/client.ts";
import type { TaskNotices } from "../../db/schema.ts";
import type { Deps } from "../deps.ts";
import { TransientError } from "../errors.ts";
import { mirrorHas } from "../github/mirror-has.ts";
import type { RepoSettings } from "../github/repo-settings-schema.ts";
import type { SettingsNote } from "../github/settings-cells.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import type { CommandProgress } from "../sessions/run-commands.ts";
import { runSetup, setupKey, type SetupRun } from "../sessions/run-setup.ts";
import { findSetup, recordSetup } from "../sessions/setup-store.ts";
import type { Claim } from "./claim-store.ts";
import { readEffectiveSettings, type EffectiveDeps, type EffectiveSettings } from "./effective-settings.ts";
import { machineGraceMs, withCommandGateway } from "./turn-commands.ts";

export type SetUpInput = {
  claim: Claim;
  sandbox: Sandbox;
  /** Null: no settings are to be had. */
  read: { settings: RepoSettings; problems: readonly SettingsNote[] } | null;
  signal: AbortSignal;
  /** For the turn that follows; the machine's life is extended by the setup's own limit before it. */
  turnTimeoutMs: number;
};

/**
 * Runs the repository's setup commands once per checkout of a machine; they are read at the base branch, never from what the
 * agent works on. A failure is no end: it is a notice, and the agent works without. `ran`: foreign code has run in the machine.
 */
export async function setUpMachine(
  deps: Deps,
  input: SetUpInput,
): Promise<{ ran: boolean; notices: Pick<TaskNotices, "setup" | "settings"> }> {
  const { claim, sandbox, read } = input;
  if (read === null) return { ran: false, notices: {} };
  const { settings } = read;
  const problems = read.problems.length === 0 ? {} : { settings: read.problems };
  if (settings.setup.length === 0) return { ran: false, notices: problems };
  const key = setupKey(settings);
  const inAccount = <T>(run: Parameters<typeof withAccount<T>>[2]) =>
    withAccount(deps.db, claim.task.accountId, run);
  const before = await inAccount((tx) => findSetup(tx, sandbox));
  if (before?.key === key) return { ran: false, notices: { ...problems, ...failure(before.run) } };
  await sandbox.extend(settings.setupTimeoutMs + input.turnTimeoutMs + machineGraceMs);
  const run = await runInTurn(deps, input, settings);
  if (!run.ok && run.aborted) throw new TransientError("the repository's setup was ended with its task");
  await inAccount((tx) => recordSetup(tx, sandbox, { key, run }));
  return { ran: true, notices: { ...problems, ...failure(run) } };
}

/** All settings in force for a task: at the base branch as it was at the trigger, else where the session began; null when the mirror has neither any more. */
export async function readEffectiveSettingsOf(
  deps: EffectiveDeps,
  input: { claim: Claim; repository: { owner: string; name: string }; mirrorPath: string },
): Promise<EffectiveSettings | null> {
  const { claim, mirrorPath } = input;
  const { accountId, installationId, repositoryId } = claim.task;
  for (const sha of [claim.task.context.base.sha, claim.session.baseSha]) {
    if (sha === null || !(await mirrorHas(mirrorPath, sha))) continue;
    const repository = { id: repositoryId, ...input.repository };
    return readEffectiveSettings(deps, {
      ...{ accountId, installationId, repository, sha },
      from: { mirrorPath },
    });
  }
  return null;
}

function runInTurn(
  deps: Deps,
  { claim, sandbox, signal }: SetUpInput,
  settings: RepoSettings,
): Promise<SetupRun> {
  const log = deps.log.child({ taskId: claim.task.id });
  const onProgress = (progress: CommandProgress) => log.info(progress, "the repository's setup");
  const timeoutMs = settings.setupTimeoutMs;
  return withCommandGateway(deps, { claim, sandbox, timeoutMs }, (redacting, way) =>
    runSetup(redacting, { ...way, settings, signal, onProgress }),
  );
}

function failure(run: SetupRun): Pick<TaskNotices, "setup"> {
  if (run.ok) return {};
  const ended = run.timedOut
    ? "ran into the limit"
    : run.exitCode === null
      ? `was ended by ${run.signal ?? "a signal"}`
      : `ended with exit code ${run.exitCode}`;
  return { setup: { command: run.command, ended, tail: run.tail } };
}
