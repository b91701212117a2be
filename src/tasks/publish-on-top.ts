import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { withAccount } from "../../db/client.ts";
import type { Deps } from "../deps.ts";
import { UserError } from "../errors.ts";
import { updateMirror } from "../github/mirror.ts";
import { readBranchSha } from "../github/read-branch.ts";
import { rebaseWork } from "../github/rebase-work.ts";
import { updateSession } from "../sessions/session-store.ts";
import { checkpointParts } from "../sessions/take-checkpoint.ts";
import type { Attempt } from "./attempt.ts";
import { legStep } from "./leg-step.ts";
import { openWork } from "./open-work.ts";
import { publish, type Published, type PublishInput } from "./publish.ts";
import { readSettingsInForce } from "./settings-in-force.ts";
import { holderOf, runStep } from "./steps.ts";
import type { KeptTurn } from "./take-turn.ts";
import type { TurnResult } from "./turn-result.ts";

/** Somebody who pushes faster than we do is at work on the branch; they are not to be raced for ever. */
const maxMoves = 3;

/** What was published, and what it was asked with: the last of several tries. */
export type PublishedOnTop = { published: Published; input: PublishInput };

/**
 * Publishes a turn's work. When people push to the branch while the agent works, the work is carried over to what they have
 * pushed, without the agent; where both changed the same lines, it rejects with a UserError `branch-moved`.
 */
export async function publishOnTop(
  deps: Deps,
  attempt: Attempt,
  turn: KeptTurn & { result: TurnResult },
): Promise<PublishedOnTop> {
  const { claim, reader, start, repository } = attempt;
  const { path: mirrorPath } = await attempt.openMirror();
  const { settings } = await readSettingsInForce(deps, { claim, reader, repository, mirrorPath });
  const input: PublishInput = {
    claim,
    reader: reader.octokit,
    checkpoint: turn.checkpoint,
    directory: attempt.directory,
    mirrorPath,
    settings,
    parentSha: start.sha,
    branchExists: start.branchExists,
    repository,
    remoteUrl: attempt.remoteUrl,
    watch: attempt.watch,
    result: turn.result,
    checks: turn.checks,
    at: new Date(turn.run.endedAt),
  };
  let current = input;
  for (let move = 1; ; move++) {
    try {
      const published = await publish(deps, current);
      if (move > 1) await noteCarriedOver(deps, attempt);
      return { published, input: current };
    } catch (error) {
      const moved = error instanceof UserError && error.code === "branch-moved" && start.branchExists;
      if (!moved || move > maxMoves) throw error;
      const ontoSha = await findHead(deps, attempt, move);
      if (ontoSha === null) throw error;
      current = await carryOver(deps, attempt, { input, ontoSha, move });
    }
  }
}

/** Where the branch stands now: a step, so that a later attempt carries the work over to the same commit and finds its push. */
async function findHead(deps: Pick<Deps, "db">, attempt: Attempt, move: number): Promise<string | null> {
  const { claim, reader, repository } = attempt;
  const { sha } = await runStep<{ sha: string | null }>(deps, holderOf(claim), {
    name: `${legStep("moved-to", claim.task.leg)}:${move}`,
    find: () => Promise.resolve(null),
    act: async () => ({ sha: await readBranchSha(reader.octokit, repository, claim.session.branch) }),
  });
  return sha;
}

async function carryOver(
  deps: Deps,
  attempt: Attempt,
  { input, ontoSha, move }: { input: PublishInput; ontoSha: string; move: number },
): Promise<PublishInput> {
  const { claim, reader, watch, remoteUrl } = attempt;
  const directory = join(attempt.directory, `moved-${move}`);
  await mkdir(directory, { mode: 0o700 });
  const mirror = await updateMirror({
    dataDir: deps.config.dataDir,
    repositoryId: claim.task.repositoryId,
    remoteUrl,
    token: reader.token,
    sha: ontoSha,
    signal: watch.signal,
  });
  const { conflicts } = await rebaseWork({
    mirrorPath: mirror.path,
    bundlePath: await openWork(deps, input),
    tempDir: directory,
    baseSha: input.parentSha,
    ontoSha,
    toPath: join(directory, checkpointParts.work),
    signal: watch.signal,
  });
  if (conflicts.length > 0) throw movedInTheSamePlace(claim.session.branch, conflicts);
  return { ...input, directory, mirrorPath: mirror.path, parentSha: ontoSha, branchExists: true };
}

/**
 * The session's machine does not hold what was pushed, but the agent's work on the old start: that is what its checkout is to
 * be taken for when it is moved to the branch the next time. Otherwise it would seem to take back what people pushed.
 */
async function noteCarriedOver(deps: Pick<Deps, "db">, { claim, start }: Attempt): Promise<void> {
  const { task, session, fence } = claim;
  await withAccount(deps.db, task.accountId, (tx) =>
    updateSession(tx, { sessionId: session.id, taskId: task.id, fence, set: { headSha: start.sha } }),
  );
}

function movedInTheSamePlace(branch: string, paths: readonly string[]): UserError {
  const shown = paths.slice(0, 5).map((path) => `\`${path}\``);
  const more = paths.length > shown.length ? ` and ${paths.length - shown.length} more` : "";
  return new UserError(
    "branch-moved",
    `Somebody pushed to \`${branch}\` while this task was running and changed the same lines of ${shown.join(", ")}${more}, so the work was not pushed over theirs.`,
    "Write the command again: it starts from the branch as it is now.",
  );
}
