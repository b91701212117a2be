import { once } from "node:events";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { openFaults, type FaultRule } from "../e2b/faults.ts";
import { openBwrap } from "../e2b/host-bwrap.ts";
import { boot, halt } from "./control.ts";
import { serve } from "./serve.ts";
import {
  destroyMachine,
  loadMachines,
  type Call,
  type Machine,
  type MachineRecord,
  saveMachine,
  type World,
} from "./world.ts";

export type DaytonaOptions = {
  apiKey?: string;
  snapshot?: string;
  /** Where machines live and stay when the stand-in is closed; a temporary folder that goes with it when absent. */
  directory?: string;
  /** Folders of this host that stand in the machines' PATH; Node's own when absent. */
  toolPaths?: readonly string[];
  /** Loopback services that machines reach as far as their allow list has the address. */
  reachable?: readonly { host: string; port: number }[];
  /** How many machines a page of a list has at most; 100. */
  pageSize?: number;
  clock?: () => Date;
};

export type DaytonaStandin = {
  apiUrl: string;
  apiKey: string;
  snapshot: string;
  /** Every machine there is, oldest first. */
  machines(): MachineRecord[];
  /** Everything that came in, in order. */
  calls: readonly Call[];
  /** Something to go wrong with requests; `path` matches path and query. */
  fault(rule: FaultRule): void;
  /** The next download of a file ends after so many bytes of its answer. */
  cutNextDownload(bytes: number): void;
  /** Destroys a machine behind the client's back. */
  loseMachine(id: string): Promise<void>;
  /** Changes what the API tells of a machine, `error` or `archived` say; nothing of it is started or stopped. */
  setState(id: string, state: MachineRecord["state"]): Promise<void>;
  /** Does what Daytona does when nobody has called a machine for its interval. */
  stopIdle(): Promise<void>;
  /** Where a path of a machine is on this host; links are not followed. */
  hostPath(id: string, insidePath: string): string;
  /** Host pids of the processes alive in a machine. */
  processes(id: string): number[];
  /** What was unknown or invalid; a test that ends with one has failed. */
  violations: readonly string[];
  /** Its own restart on the same port: connections break, records are read from disk, what ran is dead and runs anew. */
  restart(): Promise<void>;
  close(): Promise<void>;
};

/** Starts a stand-in for Daytona's API and for the daemon in its machines, as the SDK 0.216 speaks to them. */
export async function startDaytona(options: DaytonaOptions = {}): Promise<DaytonaStandin> {
  const directory = options.directory ?? (await mkdtemp(join(tmpdir(), "daytona-standin-")));
  await mkdir(directory, { recursive: true });
  const toolPaths = options.toolPaths ?? [dirname(process.execPath)];
  let port = 0;
  let server: Server | null = null;
  const world: World = {
    ...{ directory, toolPaths, machines: new Map(), calls: [], violations: [], cutDownloads: [] },
    apiKey: options.apiKey ?? "dtn_0123456789abcdef",
    snapshot: options.snapshot ?? "remote-claude",
    openHost: await openBwrap({ directory, toolPaths, reachable: options.reachable ?? [] }),
    clock: options.clock ?? (() => new Date()),
    pageSize: options.pageSize ?? 100,
    faults: openFaults(),
    url: () => `http://127.0.0.1:${port}`,
  };
  const open = async () => {
    for (const machine of await loadMachines(directory)) {
      world.machines.set(machine.record.id, machine);
      if (["creating", "starting", "started"].includes(machine.record.state)) await boot(world, machine);
    }
    server = createServer((request, response) => {
      void serve(world, request, response);
    });
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    ({ port } = server.address() as AddressInfo);
  };
  const stop = async () => {
    const closing = server;
    server = null;
    if (closing !== null) {
      const closed = once(closing, "close");
      closing.close();
      closing.closeAllConnections();
      await closed;
    }
    for (const machine of world.machines.values()) {
      await machine.change;
      const { host } = machine;
      machine.host = null;
      await host?.destroy();
    }
    world.machines.clear();
  };
  await open();
  return {
    ...viewsOf(world),
    ...knobsOf(world),
    async restart() {
      await stop();
      await open();
    },
    async close() {
      await stop();
      if (options.directory === undefined)
        await rm(directory, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}

function machineOf(world: World, id: string): Machine {
  const machine = world.machines.get(id);
  if (machine === undefined)
    throw new Error(
      `Expected a machine of the Daytona stand-in, got ${id}; there are ${world.machines.size}.`,
    );
  return machine;
}

function viewsOf(world: World) {
  const { apiKey, snapshot, calls, violations } = world;
  return {
    ...{ apiUrl: `${world.url()}/api`, apiKey, snapshot, calls, violations },
    machines: () => [...world.machines.values()].map(({ record }) => ({ ...record })),
    hostPath: (id: string, insidePath: string) => join(machineOf(world, id).root, insidePath),
    processes: (id: string) => machineOf(world, id).host?.processes() ?? [],
  };
}

function knobsOf(world: World) {
  return {
    fault: (rule: FaultRule) => world.faults.add(rule),
    cutNextDownload: (bytes: number) => void world.cutDownloads.push(bytes),
    loseMachine: async (id: string) => {
      const machine = machineOf(world, id);
      await machine.change;
      await destroyMachine(world, machine);
    },
    setState: async (id: string, state: MachineRecord["state"]) => {
      const machine = machineOf(world, id);
      await machine.change;
      machine.record.state = state;
      saveMachine(machine);
    },
    stopIdle: async () => {
      const now = world.clock().getTime();
      for (const machine of world.machines.values()) {
        const { state, autoStopInterval, lastActivityAt } = machine.record;
        const isIdle = autoStopInterval > 0 && now - lastActivityAt >= autoStopInterval * 60_000;
        if (state === "started" && isIdle) await halt(machine);
      }
    },
  };
}
