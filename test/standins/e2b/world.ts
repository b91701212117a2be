import type { FaultRule, Faults } from "./faults.ts";
import type { OpenHost } from "./host.ts";
import type { Machine } from "./machine.ts";

/** A request as it came in; `status` is 0 until (and unless) it was answered. */
export type Call = {
  method: string;
  /** With the query. */
  path: string;
  status: number;
  at: Date;
  /** The machine that an envd request was for. */
  sandboxId: string | null;
};

/** A TCP service of this host that machines may reach when their network policy allows its host. */
export type Reachable = { host: string; port: number };

/** Everything the parts of the stand-in share. */
export type World = {
  directory: string;
  apiKey: string;
  template: string;
  openHost: OpenHost;
  /** The stand-in's own time; what it tells is `skewMs` off. */
  clock: () => Date;
  skewMs: number;
  planCapMs: number;
  /** Whether each pause keeps a copy of the files, so that a later one can be lost. */
  pauseHistory: boolean;
  machines: Map<string, Machine>;
  calls: Call[];
  violations: string[];
  faults: Faults;
  /** How many of the next pauses, and of the next connects, go wrong. */
  pausesToLose: number;
  connectsToMove: number;
  resumeHooks: ((machine: { id: string; root: string }) => Promise<void>)[];
};

export type { FaultRule };

export function nowMs(world: World): number {
  return world.clock().getTime();
}

/** A time as the stand-in tells it. */
export function tell(world: World, timeMs: number): string {
  return new Date(timeMs + world.skewMs).toISOString();
}
