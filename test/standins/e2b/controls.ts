import { join } from "node:path";
import type { Network } from "./api-bodies.ts";
import type { FaultRule } from "./faults.ts";
import { destroyMachine, endOf, inTurn } from "./lifecycle.ts";
import type { Machine } from "./machine.ts";
import { expand } from "./machine-paths.ts";
import type { World } from "./world.ts";

export type MachineView = {
  id: string;
  metadata: Record<string, string>;
  state: "running" | "paused";
  startedAt: Date;
  endAt: Date;
  network: Network & { allowInternetAccess: boolean | null };
  template: string;
};

function machineOf(world: World, id: string): Machine {
  const machine = world.machines.get(id);
  if (machine === undefined) {
    throw new Error(`Expected a machine of the E2B stand-in, got ${id}; there are ${world.machines.size}.`);
  }
  return machine;
}

/** What a test sees of the stand-in. */
export function views(world: World, urls: { apiUrl: string; sandboxUrl: string }) {
  const { apiKey, template, calls, violations } = world;
  const view = (id: string): MachineView => {
    const { record } = machineOf(world, id);
    return {
      id,
      metadata: { ...record.metadata },
      state: record.state,
      startedAt: new Date(record.startedAt + world.skewMs),
      endAt: new Date(endOf(world, record) + world.skewMs),
      network: { ...record.network, allowInternetAccess: record.allowInternetAccess },
      template: record.template,
    };
  };
  return {
    ...urls,
    ...{ apiKey, template, calls, violations },
    machines: () => [...world.machines.keys()].map(view),
    hostPath: (id: string, insidePath: string) => join(machineOf(world, id).root, expand(insidePath)),
    processes: (id: string) => machineOf(world, id).host?.processes() ?? [],
  };
}

/** What a test makes go wrong. */
export function knobs(world: World) {
  return {
    fault: (rule: FaultRule) => world.faults.add(rule),
    loseMachine: async (id: string) => {
      const machine = machineOf(world, id);
      await inTurn(machine, () => destroyMachine(world, machine));
    },
    loseNextPause: () => {
      if (!world.pauseHistory) throw new Error("Expected pauseHistory, which loseNextPause goes back in.");
      world.pausesToLose += 1;
    },
    onResume: (change: (machine: { id: string; root: string }) => Promise<void>) => {
      world.resumeHooks.push(change);
    },
    answerOtherIdOnConnect: () => {
      world.connectsToMove += 1;
    },
    skewClock: (ms: number) => {
      world.skewMs = ms;
    },
  };
}
