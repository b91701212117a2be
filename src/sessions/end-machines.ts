import type { SandboxFleet, SandboxRef } from "../sandbox/fleet.ts";
import { endSandboxes, type EndedSandbox, type EndSandboxesDeps } from "./end-sandboxes.ts";
import { fenceOf } from "./judge-machine.ts";
import { findEnding, requestEnd, requestEnds, type OwnedSandbox } from "./sandbox-store.ts";
import { findSessionsById, type Session } from "./session-store.ts";

export type EndMachinesDeps = EndSandboxesDeps & { sandboxes: Pick<SandboxFleet, "app" | "list" | "kill"> };

/** All machines of one session, one machine, or every machine of ours. */
export type MachineScope = { sessionId: string } | { ref: SandboxRef } | "all";

export type EndedMachines = {
  machines: EndedSandbox[];
  /** Providers that may have machines that no row names, because they could not be asked. */
  unlisted: { provider: string; error: Error }[];
};

/**
 * Ends machines at once because an operator says so. Their rows ask for it first, so that the reaper goes on with what is left
 * pending; machines of no known session have no row, and are the reaper's by themselves.
 */
export async function endMachines(
  deps: EndMachinesDeps,
  { scope, reason }: { scope: MachineScope; reason: string },
): Promise<EndedMachines> {
  if (scope !== "all" && "ref" in scope) {
    await requestEnds(deps.system, { refs: [scope.ref] }, reason);
    return { machines: await endSandboxes(deps, [{ ...scope.ref, reason }]), unlisted: [] };
  }
  await requestEnds(deps.system, scope, reason);
  const { orphans, failed } = await requestListed(deps, scope, reason);
  const ending = (await findEnding(deps.system)).filter(
    ({ sessionId }) => scope === "all" || sessionId === scope.sessionId,
  );
  const targets = [...ending, ...orphans].map(({ provider, id }) => ({ provider, id, reason }));
  return { machines: await endSandboxes(deps, targets), unlisted: failed };
}

/** Asks for the end of machines that have no row yet; gives back those that cannot have one. */
async function requestListed(
  deps: EndMachinesDeps,
  scope: { sessionId: string } | "all",
  reason: string,
): Promise<{ orphans: SandboxRef[]; failed: EndedMachines["unlisted"] }> {
  const filter = scope === "all" ? {} : { session: scope.sessionId };
  const { machines, failed } = await deps.sandboxes.list({ app: deps.sandboxes.app, ...filter });
  const sessions = await findSessionsById(
    deps.system,
    machines.map(({ metadata }) => metadata.session),
  );
  const orphans: SandboxRef[] = [];
  for (const machine of machines) {
    const session = sessions.get(machine.metadata.session);
    if (session === undefined) orphans.push(machine);
    else await requestEnd(deps.system, own(session, machine, fenceOf(machine)), { reason });
  }
  return { orphans, failed };
}

const own = (session: Session, { provider, id }: SandboxRef, fence: number): OwnedSandbox => ({
  provider,
  id,
  accountId: session.accountId,
  sessionId: session.id,
  fence,
});
