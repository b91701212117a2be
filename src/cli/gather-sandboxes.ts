import type { Db } from "../../db/client.ts";
import type { FleetMachine, SandboxFleet } from "../sandbox/fleet.ts";
import {
  findSandboxOwners,
  listRecordedSandboxes,
  type RecordedSandbox,
  type SandboxOwner,
} from "./sandbox-list-store.ts";

/** One line of `remote-claude sandbox list`; its JSON is a contract. */
export type ListedSandbox = {
  provider: string;
  id: string;
  /** What the provider says; null: it does not name this machine, or did not answer. */
  state: "running" | "paused" | null;
  /** What our record says; null: there is none. */
  record: RecordedSandbox["status"] | null;
  /** Whether its session goes on in it. */
  inUse: boolean;
  session: SandboxOwner | null;
  /** By the provider's clock. */
  startedAt: Date | null;
  usedAt: Date | null;
  endedAt: Date | null;
  endReason: string | null;
};

export type GatheredSandboxes = {
  sandboxes: ListedSandbox[];
  /** Providers that did not answer. */
  unlisted: { provider: string; error: Error }[];
};

/** What the providers name and what is recorded, as one list: recorded machines first, the last used first. */
export async function gatherSandboxes(
  deps: { system: Db; sandboxes: Pick<SandboxFleet, "app" | "list"> },
  filter: { all: boolean; limit: number },
): Promise<GatheredSandboxes> {
  const [{ machines, failed }, records] = await Promise.all([
    deps.sandboxes.list({ app: deps.sandboxes.app }),
    listRecordedSandboxes(deps.system, filter),
  ]);
  const unmet = new Map(machines.map((machine) => [keyOf(machine), machine]));
  const recorded = records.map((record) => {
    const machine = unmet.get(keyOf(record));
    unmet.delete(keyOf(record));
    return fromRecord(record, machine);
  });
  const owners = await findSandboxOwners(
    deps.system,
    [...unmet.values()].map(({ metadata }) => metadata.session),
  );
  const unrecorded = [...unmet.values()].map((machine) =>
    fromMachine(machine, owners.get(machine.metadata.session) ?? null),
  );
  return { sandboxes: [...recorded, ...unrecorded], unlisted: failed };
}

function fromRecord(record: RecordedSandbox, machine: FleetMachine | undefined): ListedSandbox {
  const { provider, id, status, inUse, owner, usedAt, endedAt, endReason } = record;
  return {
    provider,
    id,
    state: machine?.state ?? null,
    record: status,
    inUse,
    session: owner,
    startedAt: machine?.startedAt ?? null,
    usedAt,
    endedAt,
    endReason,
  };
}

function fromMachine({ provider, id, state, startedAt }: FleetMachine, owner: SandboxOwner | null) {
  const unknown = { record: null, inUse: false, usedAt: null, endedAt: null, endReason: null };
  return { provider, id, state, session: owner, startedAt, ...unknown };
}

const keyOf = ({ provider, id }: { provider: string; id: string }) => JSON.stringify([provider, id]);
