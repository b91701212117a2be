import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Network } from "./api-bodies.ts";
import { allows } from "./egress-policy.ts";
import { makeFolders, makeMachine, saveMachine } from "./machine.ts";
import type { Machine, MachineRecord } from "./machine.ts";
import { nowMs, type World } from "./world.ts";

const run = promisify(execFile);

/** Does one change of a machine after the ones before it. */
export function inTurn<T>(machine: Machine, change: () => Promise<T>): Promise<T> {
  const done = machine.turn.then(change);
  machine.turn = done.catch(() => undefined);
  return done;
}

export function newId(): string {
  return `i${randomBytes(10).toString("hex").slice(0, 19)}`;
}

/** Makes a machine from the template and starts it. */
export async function createMachine(
  world: World,
  input: Pick<
    MachineRecord,
    "metadata" | "network" | "allowInternetAccess" | "autoPause" | "autoPauseMemory" | "envs"
  > & { timeoutMs: number },
): Promise<Machine> {
  const { timeoutMs, ...wanted } = input;
  const now = nowMs(world);
  const machine = makeMachine(world.directory, {
    ...wanted,
    id: newId(),
    template: world.template,
    state: "running",
    startedAt: now,
    endAt: now + timeoutMs,
    accessToken: `ea_${randomBytes(24).toString("hex")}`,
    pauses: 0,
    goesBackTo: null,
  });
  await makeFolders(machine.root);
  await saveMachine(machine);
  await startHost(world, machine);
  world.machines.set(machine.record.id, machine);
  return machine;
}

/** Gives the machine something to run in. */
export async function startHost(world: World, machine: Machine): Promise<void> {
  machine.host = await world.openHost({
    id: machine.record.id,
    root: machine.root,
    allows: (host) => allows(machine.record, host),
  });
}

/** Ends everything that runs in the machine and cuts its streams. */
export async function stopHost(machine: Machine): Promise<void> {
  const { host } = machine;
  const commands = [...machine.commands.values()];
  machine.host = null;
  machine.frozen = false;
  cutStreams(machine);
  await host?.destroy();
  await Promise.all(commands.map((command) => command.ended));
  machine.commands.clear();
}

function cutStreams(machine: Machine): void {
  for (const cut of machine.cuts) cut();
  machine.cuts.clear();
}

/** Pauses a running machine: with `memory` its processes are held, without they end. */
export async function pauseMachine(world: World, machine: Machine, memory: boolean): Promise<void> {
  const { record } = machine;
  record.state = "paused";
  record.endAt = nowMs(world);
  if (memory && machine.host !== null) {
    cutStreams(machine);
    machine.frozen = true;
    machine.host.freeze();
  } else {
    await stopHost(machine);
  }
  await keepFiles(world, machine);
  await saveMachine(machine);
}

async function keepFiles(world: World, machine: Machine): Promise<void> {
  const { record } = machine;
  if (world.pausesToLose > 0) {
    world.pausesToLose -= 1;
    record.goesBackTo = record.pauses;
    return;
  }
  record.goesBackTo = null;
  if (!world.pauseHistory) return;
  const next = historyPath(machine, record.pauses + 1);
  await rm(next, { recursive: true, force: true });
  await mkdir(join(machine.folder, "history"), { recursive: true });
  await run("cp", ["-a", "--reflink=auto", machine.root, next]);
  await rm(historyPath(machine, record.pauses), { recursive: true, force: true });
  record.pauses += 1;
}

function historyPath(machine: Machine, pause: number): string {
  return join(machine.folder, "history", String(pause));
}

/** Starts a paused machine again; without `memory`, or when nothing is held, it boots from its files. */
export async function resumeMachine(
  world: World,
  machine: Machine,
  input: { memory: boolean; timeoutMs: number },
): Promise<void> {
  const { record } = machine;
  if (record.goesBackTo !== null) await goBack(machine, record.goesBackTo);
  else if (!input.memory && machine.host !== null) await stopHost(machine);
  for (const change of world.resumeHooks) await change({ id: record.id, root: machine.root });
  record.state = "running";
  record.startedAt = nowMs(world);
  record.endAt = record.startedAt + input.timeoutMs;
  if (machine.frozen && machine.host !== null) {
    machine.frozen = false;
    machine.host.thaw();
  } else {
    // What the machine was created with as environment lived in envd's memory.
    record.envs = {};
    await startHost(world, machine);
  }
  await saveMachine(machine);
}

async function goBack(machine: Machine, pause: number): Promise<void> {
  await stopHost(machine);
  await rm(machine.root, { recursive: true, force: true });
  if (pause > 0) await run("cp", ["-a", "--reflink=auto", historyPath(machine, pause), machine.root]);
  await makeFolders(machine.root);
  machine.record.goesBackTo = null;
}

/** Ends the machine for good, processes and files. */
export async function destroyMachine(world: World, machine: Machine): Promise<void> {
  world.machines.delete(machine.record.id);
  await stopHost(machine);
  await rm(machine.folder, { recursive: true, force: true, maxRetries: 3 });
}

/** Lets the (paused) machine go on under another id; the old one is unknown from now on. */
export async function moveMachine(world: World, machine: Machine): Promise<void> {
  const oldFolder = machine.folder;
  world.machines.delete(machine.record.id);
  const moved = makeMachine(world.directory, { ...machine.record, id: newId() });
  await stopHost(machine);
  await rename(oldFolder, moved.folder);
  Object.assign(machine, { record: moved.record, folder: moved.folder, root: moved.root });
  world.machines.set(moved.record.id, machine);
  await saveMachine(machine);
  if (machine.record.state === "running") await startHost(world, machine);
}

/** When the machine's time is over: its own end, or the plan's longest run. */
export function endOf(world: World, record: MachineRecord): number {
  return record.state === "paused"
    ? record.endAt
    : Math.min(record.endAt, record.startedAt + world.planCapMs);
}

/** Pauses or kills, each by its lifecycle, the machines whose time is over. */
export async function endExpired(world: World): Promise<void> {
  const isOver = ({ record }: Machine) =>
    record.state === "running" && nowMs(world) >= endOf(world, record) && world.machines.has(record.id);
  await Promise.all(
    [...world.machines.values()].filter(isOver).map((machine) =>
      inTurn(machine, async () => {
        if (!isOver(machine)) return;
        if (machine.record.autoPause) await pauseMachine(world, machine, machine.record.autoPauseMemory);
        else await destroyMachine(world, machine);
      }),
    ),
  );
}

/** Replaces the machine's network policy as a whole. */
export async function replaceNetwork(
  machine: Machine,
  input: { network: Network; allowInternetAccess: boolean | null },
): Promise<void> {
  const { record } = machine;
  const { allowPublicTraffic } = record.network;
  record.network = {
    ...input.network,
    ...(allowPublicTraffic === undefined ? {} : { allowPublicTraffic }),
  };
  record.allowInternetAccess = input.allowInternetAccess;
  await saveMachine(machine);
  await machine.host?.applyNetwork((host) => allows(record, host));
}
