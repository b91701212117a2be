import type { Config } from "../config.ts";
import type { Deps } from "../deps.ts";
import type { FleetMachine, SandboxFleet } from "../sandbox/fleet.ts";
import { endSandboxes } from "./end-sandboxes.ts";
import { fenceOf, judgeMachine, type MachineFacts } from "./judge-machine.ts";
import { expireSessions, findOpenTasks } from "./retention-store.ts";
import {
  findElsewhere,
  findEnding,
  findSandboxes,
  markSeen,
  requestEnd,
  requestEnds,
  type EndReason,
  type OwnedSandbox,
} from "./sandbox-store.ts";
import { findSessionsById, type Session } from "./session-store.ts";

export type ReapDeps = Pick<Deps, "system" | "clock" | "log"> & {
  config: { sandbox: Pick<Config["sandbox"], "retentionMs"> };
  sandboxes: Pick<SandboxFleet, "app" | "providers" | "list" | "kill">;
};

/**
 * Ends sessions that nobody has used for the retention time, and every machine that no session needs: listed ones of sessions that
 * are over or use another machine, and those whose end was asked for. Rejects with all failures at the end: a provider that is
 * away, or a machine that does not end, keeps no other one alive.
 */
export async function reapSandboxes(deps: ReapDeps): Promise<void> {
  const { system } = deps;
  const now = deps.clock.now();
  const unusedSince = new Date(now.getTime() - deps.config.sandbox.retentionMs);
  for (const sessionId of await expireSessions(system, unusedSince))
    deps.log.info({ sessionId }, "a session was ended after the retention time");
  await requestEnds(system, "sessions-over", "session-ended");
  const { machines, failed } = await deps.sandboxes.list({ app: deps.sandboxes.app });
  const orphans = await judgeAll(deps, machines, { now, unusedSince });
  const ending = await findEnding(system);
  for (const { provider, machines: count } of await findElsewhere(system, deps.sandboxes.providers))
    deps.log.warn({ provider, machines: count }, "machines are left at a provider that is not configured");
  const known = ending.filter(({ provider }) => deps.sandboxes.providers.includes(provider));
  const results = await endSandboxes(deps, [
    ...orphans.map(({ provider, id }) => ({ provider, id, reason: "session-unknown" })),
    ...known.map(({ provider, id, endReason }) => ({ provider, id, reason: endReason ?? "requested" })),
  ]);
  const failures = [
    ...failed.map(({ provider, error }) => new Error(`${provider} could not be listed`, { cause: error })),
    ...results.flatMap(({ error }) => (error === null ? [] : [error])),
  ];
  if (failures.length > 0)
    throw new AggregateError(failures, `${failures.length} sandboxes or providers could not be cleaned up`);
}

/** Writes every verdict into the rows; machines without a session have none, and are given back. */
async function judgeAll(
  deps: ReapDeps,
  machines: readonly FleetMachine[],
  time: { now: Date; unusedSince: Date },
): Promise<FleetMachine[]> {
  const orphans: FleetMachine[] = [];
  for (const { facts, session } of await readFacts(deps, machines)) {
    const verdict = judgeMachine(facts, time);
    const { machine } = facts;
    if (verdict.kind === "keep") continue;
    if (session === undefined) {
      orphans.push(machine);
      continue;
    }
    const owned = ownedBy(session, machine);
    if (verdict.kind === "note") await markSeen(deps.system, { ...owned, status: machine.state });
    else await requestEnd(deps.system, owned, endInput(verdict.reason, time.unusedSince));
  }
  return orphans;
}

/** A task may have begun to use it since the rows were read. */
const endInput = (reason: EndReason, unusedSince: Date) =>
  reason === "unused" ? { reason, unusedSince } : { reason };

const ownedBy = (session: Session, machine: FleetMachine): OwnedSandbox => ({
  provider: machine.provider,
  id: machine.id,
  accountId: session.accountId,
  sessionId: session.id,
  fence: fenceOf(machine),
});

async function readFacts(
  { system }: Pick<ReapDeps, "system">,
  machines: readonly FleetMachine[],
): Promise<{ facts: MachineFacts; session: Session | undefined }[]> {
  // Rows are read after the list: a task that made a listed machine is visible by now.
  const sessions = await findSessionsById(
    system,
    machines.map(({ metadata }) => metadata.session),
  );
  const inUse = [...sessions.values()].flatMap(({ sandboxProvider: provider, sandboxId: id }) =>
    provider === null || id === null ? [] : [{ provider, id }],
  );
  const records = new Map(
    (await findSandboxes(system, [...machines, ...inUse])).map((record) => [keyOf(record), record]),
  );
  const openTasks = await findOpenTasks(system, [...sessions.keys()]);
  return machines.map((machine) => {
    const session = sessions.get(machine.metadata.session);
    return {
      session,
      facts: {
        machine,
        session,
        record: records.get(keyOf(machine)),
        fenceInUse: records.get(keyOf({ provider: session?.sandboxProvider, id: session?.sandboxId }))?.fence,
        openTasks: openTasks.get(machine.metadata.session),
      },
    };
  });
}

const keyOf = ({ provider, id }: { provider?: string | null | undefined; id?: string | null | undefined }) =>
  JSON.stringify([provider, id]);
