import { lookup } from "node:dns/promises";
import type { Sandbox as DaytonaSandbox } from "@daytona/sdk";
import type { Logger } from "../log.ts";
import type { DaytonaConfig } from "../sandbox-settings.ts";
import { openDaytona, type DaytonaClient } from "./daytona-client.ts";
import { makeDaytonaMachine } from "./daytona-create.ts";
import { prepareDaytonaMachine, type DaytonaTempo } from "./daytona-machine.ts";
import { daytonaNetwork, type DaytonaNetwork, type ResolveIpv4 } from "./daytona-network.ts";
import { probeDaytona } from "./daytona-probe.ts";
import { createDaytonaSandbox, minutesOf } from "./daytona-sandbox.ts";
import { bringDown, bringToAnEnd, bringUp, phaseOf, type DaytonaPatience } from "./daytona-states.ts";
import {
  type Sandbox,
  SandboxError,
  type SandboxLease,
  type SandboxMetadata,
  type SandboxProvider,
  type SandboxSummary,
} from "./sandbox.ts";

export type DaytonaProviderInput = {
  config: DaytonaConfig;
  log: Pick<Logger, "info" | "warn">;
  resolve?: ResolveIpv4;
  patience?: DaytonaPatience;
  tempo?: DaytonaTempo;
};

/** An archived machine comes back from object storage, which takes minutes. */
const defaultPatience: DaytonaPatience = { withinMs: 4 * 60_000, pollMs: 500 };

const lookUpIpv4: ResolveIpv4 = (host) => lookup(host, { family: 4, all: true });

/**
 * Machines at Daytona, hosted or one's own, through its genuine SDK. Paused means stopped: the files stay, memory does not.
 * A machine without calls from us stops by itself after its lease, and is deleted long after our own retention.
 */
export function createDaytonaProvider(input: DaytonaProviderInput): SandboxProvider {
  const { config, log, resolve = lookUpIpv4, patience = defaultPatience, tempo = {} } = input;
  let opening: Promise<DaytonaClient> | null = null;
  const open = () => (opening ??= openDaytona(config));
  const hold = async (
    client: DaytonaClient,
    machine: DaytonaSandbox,
    { lease, sweep }: { lease: SandboxLease; sweep: boolean },
  ): Promise<Sandbox> =>
    createDaytonaSandbox(await prepareDaytonaMachine(client, machine, { sweep, tempo }), {
      minutes: minutesOf(lease.timeoutMs),
      async pause() {
        await bringDown(client, machine.id, patience);
      },
      async kill() {
        await bringToAnEnd(client, machine.id, patience);
      },
    });
  return {
    name: "daytona",
    probe: async () => probeDaytona(await open()),
    async create(spec) {
      const client = await open();
      const network = await daytonaNetwork(resolve, spec.egress);
      const { machine, found } = await makeDaytonaMachine({ client, log }, { spec, network, patience });
      try {
        if (found) await renewLease(client, machine, { lease: spec, network });
        assertNetwork(machine, network);
        return await hold(client, machine, { lease: spec, sweep: found });
      } catch (error) {
        log.warn(
          { err: error, sandboxId: machine.id },
          "a new machine at Daytona does not work and is ended",
        );
        await bringToAnEnd(client, machine.id, patience);
        throw error;
      }
    },
    async connect(id, lease) {
      const client = await open();
      const network = await daytonaNetwork(resolve, lease.egress);
      const machine = await bringUp(client, id, patience);
      await renewLease(client, machine, { lease, network });
      assertNetwork(machine, network);
      return hold(client, machine, { lease, sweep: true });
    },
    list: async (filter) => listMachines(await open(), filter),
    pauseById: async (id) => bringDown(await open(), id, patience),
    killById: async (id) => bringToAnEnd(await open(), id, patience),
  };
}

/** What a machine was created with long ago gives way to what it is opened with now. */
async function renewLease(
  client: DaytonaClient,
  machine: DaytonaSandbox,
  { lease, network }: { lease: SandboxLease; network: DaytonaNetwork },
): Promise<void> {
  const { id } = machine;
  await client.call(`set the network of the machine ${id}`, () => machine.updateNetworkSettings(network));
  await client.call(`set when the machine ${id} stops`, () =>
    machine.setAutostopInterval(minutesOf(lease.timeoutMs)),
  );
}

/** An API that does not know a setting ignores it, and the machine would reach everything. */
function assertNetwork(machine: DaytonaSandbox, network: DaytonaNetwork): void {
  const { networkBlockAll, networkAllowList } = machine;
  const holds =
    "networkBlockAll" in network
      ? networkBlockAll === true
      : sorted(networkAllowList ?? "") === sorted(network.networkAllowList);
  if (holds) return;
  throw new SandboxError(
    "refused",
    `expected Daytona to limit the network of ${machine.id} to ${JSON.stringify(network)}, it answered ${JSON.stringify({ networkBlockAll, networkAllowList })}`,
  );
}

const sorted = (list: string): string =>
  list
    .split(",")
    .map((network) => network.trim())
    .sort()
    .join(",");

/** By their labels, in the order they were made: the API's own order changes while pages are read. */
async function listMachines(
  client: DaytonaClient,
  filter: Partial<SandboxMetadata>,
): Promise<SandboxSummary[]> {
  return client.call("list machines", async () => {
    const found = new Map<string, SandboxSummary>();
    const query = { labels: { ...filter }, limit: 100, sort: "createdAt", order: "asc" } as const;
    for await (const machine of client.daytona.list(query)) {
      const { app, session, fence } = machine.labels;
      const phase = phaseOf(machine);
      // Machines of other programs in the same organisation are none of our business.
      if (app === undefined || session === undefined || fence === undefined || phase === "over") continue;
      found.set(machine.id, {
        id: machine.id,
        metadata: { app, session, fence },
        state: phase === "up" || phase === "moving" ? "running" : "paused",
        startedAt: new Date(machine.createdAt ?? Number.NaN),
      });
    }
    return [...found.values()];
  });
}
