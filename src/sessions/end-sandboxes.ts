import { crashPoint } from "../crash-point.ts";
import type { Deps } from "../deps.ts";
import { toError } from "../errors.ts";
import type { SandboxFleet, SandboxRef } from "../sandbox/fleet.ts";
import { eachAtOnce } from "./each-at-once.ts";
import { markEnded } from "./sandbox-store.ts";
import { within } from "./within.ts";

export type EndSandboxesDeps = Pick<Deps, "system" | "log"> & { sandboxes: Pick<SandboxFleet, "kill"> };

/** ended: this call did it · gone: there was none · pending: the provider has not confirmed, the reaper asks again. */
export type EndedSandbox = SandboxRef & {
  reason: string;
  result: "ended" | "gone" | "pending";
  /** Why it is pending. */
  error: Error | null;
};

const atOnce = 8;
const killLimitMs = 60_000;

/**
 * Ends machines at their providers and records what was confirmed. Ask for their end in their rows first (requestEnd), so that it is
 * asked for again when this process dies. Never rejects for one machine's sake.
 */
export async function endSandboxes(
  deps: EndSandboxesDeps,
  machines: readonly (SandboxRef & { reason: string })[],
): Promise<EndedSandbox[]> {
  return eachAtOnce(machines, atOnce, async ({ provider, id, reason }) => {
    const about = { provider, sandboxId: id, reason };
    try {
      await crashPoint("machine-ending", id);
      const ended = await within(killLimitMs, deps.sandboxes.kill({ provider, id }));
      await deps.system.transaction((tx) => markEnded(tx, { provider, id }, reason));
      deps.log.info({ ...about, ended }, "a sandbox was ended");
      return { provider, id, reason, result: ended ? ("ended" as const) : ("gone" as const), error: null };
    } catch (thrown) {
      const error = toError(thrown);
      deps.log.warn({ ...about, err: error }, "a sandbox could not be ended yet");
      return { provider, id, reason, result: "pending" as const, error };
    }
  });
}
