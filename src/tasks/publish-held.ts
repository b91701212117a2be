import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { withAccount } from "../../db/client.ts";
import type { Deps } from "../deps.ts";
import { UserError } from "../errors.ts";
import { rebaseWork } from "../github/rebase-work.ts";
import { checkpointParts } from "../sessions/take-checkpoint.ts";
import type { Attempt } from "./attempt.ts";
import { describeWork } from "./describe-work.ts";
import type { Start } from "./find-start.ts";
import { readLeftBehind } from "./left-behind.ts";
import { legStep } from "./leg-step.ts";
import { openWork } from "./open-work.ts";
import { publishOnTop } from "./publish-on-top.ts";
import { findStep } from "./step-store.ts";
import type { KeptTurn } from "./take-turn.ts";
import type { TaskEnd } from "./task-end.ts";
import { readTurnResult } from "./turn-result.ts";

/**
 * A person has approved the protected files of the leg before: what that turn left behind is published without the agent, on
 * top of what stands on the branch now.
 */
export async function publishHeld(deps: Deps, attempt: Attempt): Promise<TaskEnd> {
  const { claim, start } = attempt;
  const { task } = claim;
  const { kept, from } = await readLegBefore(deps, attempt);
  attempt.status.update({ phase: "publishing" });
  const carried = start.sha === from.sha ? attempt : await carryOver(deps, attempt, { kept, from });
  const turn = readTurnResult(deps, kept.run);
  const { published } = await publishOnTop(deps, carried, { ...kept, result: turn });
  const before = await readLeftBehind(deps, claim);
  const { run, checks } = kept;
  return describeWork(deps, { run, checks, published, before: before.published, task, line: null, turn });
}

async function readLegBefore(
  deps: Pick<Deps, "db">,
  { claim }: Attempt,
): Promise<{ kept: KeptTurn; from: Start }> {
  const { id, accountId, leg } = claim.task;
  const [turn, start] = await withAccount(deps.db, accountId, (tx) =>
    Promise.all([findStep(tx, id, legStep("turn", leg - 1)), findStep(tx, id, legStep("start", leg - 1))]),
  );
  if (turn === null || start === null) throw new Error(`task ${id} was approved without a turn before`);
  // What was stored is what these very steps returned, as JSON keeps it.
  return { kept: turn.result as KeptTurn, from: start.result as Start };
}

async function carryOver(
  deps: Deps,
  attempt: Attempt,
  { kept, from }: { kept: KeptTurn; from: Start },
): Promise<Attempt> {
  const directory = join(attempt.directory, "approved");
  await mkdir(directory, { mode: 0o700 });
  const { conflicts } = await rebaseWork({
    mirrorPath: (await attempt.openMirror()).path,
    bundlePath: await openWork(deps, { checkpoint: kept.checkpoint, directory: attempt.directory }),
    tempDir: directory,
    baseSha: from.sha,
    ontoSha: attempt.start.sha,
    toPath: join(directory, checkpointParts.work),
    signal: attempt.watch.signal,
  });
  if (conflicts.length === 0) return { ...attempt, directory };
  throw new UserError(
    "branch-moved",
    `What was pushed to \`${attempt.claim.session.branch}\` since changes the same lines, so the approved files were not pushed over it.`,
    "Write `/claude` and what to do about it.",
  );
}
