import type { Config } from "../config.ts";
import type { Deps } from "../deps.ts";
import { toError } from "../errors.ts";
import type { SandboxFleet, SandboxRef } from "../sandbox/fleet.ts";
import { SandboxError } from "../sandbox/sandbox.ts";
import { eachAtOnce } from "./each-at-once.ts";
import { findIdle, holdIdle } from "./idle-store.ts";
import { markEnded, markPaused } from "./sandbox-store.ts";
import { within } from "./within.ts";

export type PauseIdleDeps = Pick<Deps, "system" | "clock" | "log"> & {
  config: { sandbox: Pick<Config["sandbox"], "idleMs"> };
  sandboxes: Pick<SandboxFleet, "providers" | "pause">;
};

/** More would keep the system role's connections (db/client.ts) from claims and sweeps. */
const atOnce = 2;
const perRound = 200;
/** Shorter than a waiting task's query may take and than a transaction may idle (db/client.ts). */
const pauseLimitMs = 20_000;

/**
 * Pauses machines that no turn has used for the idle time. Rejects at the end when some could not be; the next round tries again.
 * A provider that fails is left for that round.
 *
 * The race with a task that starts at this moment: the machine's row is locked while the provider pauses, after a look that
 * nothing waits for it. A task writes into that row before it connects (recordSandbox). So either its write came first and the
 * machine is not idle, or it waits until the pause is over and connecting wakes the machine. A worker killed in between leaves
 * the row "running", and pausing again finds the machine paused.
 */
export async function pauseIdleSandboxes(deps: PauseIdleDeps): Promise<void> {
  const usedBefore = new Date(deps.clock.now().getTime() - deps.config.sandbox.idleMs);
  const machines = await findIdle(deps.system, {
    usedBefore,
    providers: deps.sandboxes.providers,
    limit: perRound,
  });
  const failures = new Map<string, Error>();
  await eachAtOnce(machines, atOnce, async (machine) => {
    if (failures.has(machine.provider)) return;
    try {
      await holdIdle(deps.system, { ...machine, usedBefore }, async (tx) => {
        const paused = await pauseOne(deps, machine);
        // Gone or not, no machine runs for the session now.
        await markPaused(tx, machine);
        if (!paused) await markEnded(tx, machine, "gone");
      });
    } catch (error) {
      failures.set(machine.provider, toError(error));
    }
  });
  if (failures.size > 0)
    throw new AggregateError(
      failures.values(),
      `idle sandboxes could not be paused at ${[...failures.keys()].join(", ")}`,
    );
}

/** False when there is no such machine any more. */
async function pauseOne(
  deps: PauseIdleDeps,
  { provider, id, sessionId }: SandboxRef & { sessionId: string },
): Promise<boolean> {
  const log = deps.log.child({ provider, sandboxId: id, sessionId });
  try {
    const now = await within(pauseLimitMs, deps.sandboxes.pause({ provider, id }));
    log.info({ wasPaused: !now }, "an idle sandbox was paused");
    return true;
  } catch (error) {
    if (!(error instanceof SandboxError) || error.fault !== "gone") throw error;
    log.warn("an idle sandbox was gone; the session goes on from its checkpoint");
    return false;
  }
}
