import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { knobs, views, type MachineView } from "./controls.ts";
import { makeDoor } from "./doors.ts";
import { openFaults, type FaultRule } from "./faults.ts";
import { openBwrap } from "./host-bwrap.ts";
import { openPlain } from "./host-plain.ts";
import { endExpired, inTurn, startHost, stopHost } from "./lifecycle.ts";
import { loadMachines } from "./machine.ts";
import { serve } from "./serve.ts";
import type { Call, Reachable, World } from "./world.ts";

export type E2bOptions = {
  apiKey?: string;
  template?: string;
  /** Where machines live and stay when the stand-in is closed; a temporary folder that goes with it when absent. */
  directory?: string;
  launcher?: "plain" | "bwrap";
  /** Host folders put in front of the machines' PATH (and, with bwrap, shown to them read-only): Claude Code, node. */
  toolPaths?: readonly string[];
  /** Loopback services that machines reach as far as their network policy allows the host; enforced with bwrap only. */
  reachable?: readonly Reachable[];
  /** Whether each pause keeps a copy of the files, which `loseNextPause` needs; true. Costs a `cp -a` a pause. */
  pauseHistory?: boolean;
  port?: number;
  clock?: () => Date;
};

export type E2bStandin = {
  apiUrl: string;
  sandboxUrl: string;
  apiKey: string;
  template: string;
  /** Every machine there is, oldest first; times as the stand-in tells them. */
  machines(): MachineView[];
  /** Everything that came in, in order. */
  calls: readonly Call[];
  fault(rule: FaultRule): void;
  /** Destroys a machine behind the client's back. */
  loseMachine(id: string): Promise<void>;
  /** The next pause is confirmed, but at its resume the files are those of the pause before (or of the template). */
  loseNextPause(): void;
  /** From now on called at each resume, before anything runs; `root` holds home/user, workspace and tmp. */
  onResume(change: (machine: { id: string; root: string }) => Promise<void>): void;
  /** The next connect answers another id, under which alone the machine goes on. */
  answerOtherIdOnConnect(): void;
  /** Makes every time the stand-in tells this much late (negative: early). */
  skewClock(ms: number): void;
  /** The plan's longest run: after it a machine is paused or killed by its lifecycle. */
  planCapMs: number;
  /** Where a path of a machine is on this host; links are not followed. */
  hostPath(id: string, insidePath: string): string;
  /** Host pids of the processes alive in a machine. */
  processes(id: string): number[];
  /** What was unknown, unmodelled or invalid; a test that ends with one has failed. */
  violations: readonly string[];
  /** Its own restart on the same ports: what was in memory is gone, files and paused machines stay, processes are dead. */
  restart(): Promise<void>;
  close(): Promise<void>;
};

const dayMs = 24 * 3_600_000;
const lookMs = 100;

/** Starts a stand-in for E2B's control plane and envd, as the client of e2b 2.51 speaks to them. */
export async function startE2b(options: E2bOptions = {}): Promise<E2bStandin> {
  const directory = options.directory ?? (await mkdtemp(join(tmpdir(), "e2b-standin-")));
  await mkdir(directory, { recursive: true });
  const world = await openWorld(directory, options);
  const api = makeDoor(options.port ?? 0, (incoming, response) => {
    void serve(world, { door: "api", incoming, response });
  });
  const envd = makeDoor(0, (incoming, response) => {
    void serve(world, { door: "envd", incoming, response });
  });
  let look: NodeJS.Timeout | undefined;
  const open = async () => {
    for (const machine of await loadMachines(directory)) {
      world.machines.set(machine.record.id, machine);
      if (machine.record.state === "running") await startHost(world, machine);
    }
    await Promise.all([api.open(), envd.open()]);
    look = setInterval(() => {
      endExpired(world).catch((error: unknown) => {
        world.violations.push(`the stand-in itself failed to end a machine: ${String(error)}`);
      });
    }, lookMs).unref();
  };
  const stop = async () => {
    clearInterval(look);
    await Promise.all([api.close(), envd.close()]);
    const machines = [...world.machines.values()];
    await Promise.all(machines.map((machine) => inTurn(machine, () => stopHost(machine))));
    world.machines.clear();
  };
  await open();
  return {
    ...views(world, { apiUrl: api.url, sandboxUrl: envd.url }),
    ...knobs(world),
    get planCapMs() {
      return world.planCapMs;
    },
    set planCapMs(ms: number) {
      world.planCapMs = ms;
    },
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

async function openWorld(directory: string, options: E2bOptions): Promise<World> {
  const toolPaths = options.toolPaths ?? [];
  return {
    directory,
    apiKey: options.apiKey ?? `e2b_${"0123456789".repeat(4)}`,
    template: options.template ?? "standin-template",
    openHost:
      options.launcher === "bwrap"
        ? await openBwrap({ directory, toolPaths, reachable: options.reachable ?? [] })
        : openPlain({ toolPaths }),
    clock: options.clock ?? (() => new Date()),
    skewMs: 0,
    planCapMs: dayMs,
    pauseHistory: options.pauseHistory ?? true,
    machines: new Map(),
    calls: [],
    violations: [],
    faults: openFaults(),
    pausesToLose: 0,
    connectsToMove: 0,
    resumeHooks: [],
  };
}
