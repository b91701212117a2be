import { randomUUID } from "node:crypto";
import type { z } from "zod";
import { createBody, listQuery, networkBody } from "./control-bodies.ts";
import { allowsOf, checkAllowList } from "./network-policy.ts";
import { Refusal } from "./refusal.ts";
import {
  destroyMachine,
  holdMachine,
  type Machine,
  makeFolders,
  type MachineRecord,
  saveMachine,
  type World,
} from "./world.ts";

export type Answer = { status: number; body: unknown };

type Route = {
  method: string;
  path: RegExp;
  handle: (
    world: World,
    input: { id: string; value: string; body: unknown; query: URLSearchParams },
  ) => Promise<Answer> | Answer;
};

/** Daytona's control API as far as the provider uses it, with the rules of the last published server (0.190). */
const routes: readonly Route[] = [
  {
    method: "POST",
    path: /^\/sandbox$/,
    handle: (world, { body }) => create(world, parse(world, createBody, body)),
  },
  { method: "GET", path: /^\/sandbox$/, handle: (world, { query }) => list(world, query) },
  { method: "GET", path: /^\/snapshots\/(?<id>[^/]+)$/, handle: (world, { id }) => snapshot(world, id) },
  {
    method: "GET",
    path: /^\/sandbox\/(?<id>[^/]+)$/,
    handle: (world, { id }) => ok(show(world, find(world, id))),
  },
  {
    method: "DELETE",
    path: /^\/sandbox\/(?<id>[^/]+)$/,
    handle: (world, { id }) => remove(world, find(world, id)),
  },
  {
    method: "POST",
    path: /^\/sandbox\/(?<id>[^/]+)\/start$/,
    handle: (world, { id }) => start(world, find(world, id)),
  },
  {
    method: "POST",
    path: /^\/sandbox\/(?<id>[^/]+)\/stop$/,
    handle: (world, { id, query }) => {
      if (query.get("force") !== "false") violate(world, "expected force=false with a stop");
      return stop(world, find(world, id));
    },
  },
  {
    method: "POST",
    path: /^\/sandbox\/(?<id>[^/]+)\/autostop\/(?<value>\d+)$/,
    handle: (world, { id, value }) => {
      const machine = find(world, id);
      machine.record.autoStopInterval = Number(value);
      saveMachine(machine);
      return ok(show(world, machine));
    },
  },
  {
    method: "POST",
    path: /^\/sandbox\/(?<id>[^/]+)\/last-activity$/,
    handle: (world, { id }) => {
      find(world, id).record.lastActivityAt = world.clock().getTime();
      return { status: 201, body: "" };
    },
  },
  {
    method: "POST",
    path: /^\/sandbox\/(?<id>[^/]+)\/network-settings$/,
    handle: (world, { id, body }) => setNetwork(world, find(world, id), parse(world, networkBody, body)),
  },
];

/** Null: there is no such route. */
export async function answerControl(
  world: World,
  request: { method: string; path: string; query: URLSearchParams; body: unknown },
): Promise<Answer | null> {
  for (const { method, path, handle } of routes) {
    const groups = path.exec(request.path);
    if (method !== request.method || groups === null) continue;
    const { id = "", value = "" } = groups.groups ?? {};
    return handle(world, { ...request, id: decodeURIComponent(id), value });
  }
  return null;
}

export function violate(world: World, text: string): void {
  world.violations.push(text);
}

export function parse<T>(world: World, shape: z.ZodType<T>, body: unknown): T {
  const result = shape.safeParse(body);
  if (result.success) return result.data;
  violate(world, `${result.error.message} in ${JSON.stringify(body)}`);
  throw new Refusal(400, result.error.message);
}

const ok = (body: unknown): Answer => ({ status: 200, body });

function find(world: World, idOrName: string): Machine {
  const machine =
    world.machines.get(idOrName) ??
    [...world.machines.values()].find(({ record }) => record.name === idOrName);
  if (machine === undefined) throw new Refusal(404, `Sandbox with ID or name ${idOrName} not found`);
  return machine;
}

function snapshot(world: World, name: string): Answer {
  if (name !== world.snapshot) throw new Refusal(404, `Snapshot with ID or name ${name} not found`);
  return ok({ id: "snapshot-1", name, state: "active", general: false });
}

async function create(world: World, body: z.infer<typeof createBody>): Promise<Answer> {
  if (body.snapshot !== world.snapshot)
    throw new Refusal(
      400,
      `Snapshot ${body.snapshot} not found. Did you add it through the Daytona Dashboard?`,
    );
  const id = randomUUID();
  const name = body.name ?? id;
  if ([...world.machines.values()].some(({ record }) => record.name === name))
    throw new Refusal(409, `Sandbox with name ${name} already exists`);
  const now = world.clock().getTime();
  const machine = holdMachine(world.directory, {
    ...{ id, name, snapshot: body.snapshot, labels: body.labels, env: body.env, state: "creating" },
    ...{ createdAt: now, lastActivityAt: now },
    autoStopInterval: body.autoStopInterval ?? 15,
    autoArchiveInterval: body.autoArchiveInterval ?? 7 * 24 * 60,
    autoDeleteInterval: body.autoDeleteInterval ?? -1,
    networkBlockAll: body.networkBlockAll ?? false,
    networkAllowList: body.networkAllowList === undefined ? null : checkAllowList(body.networkAllowList),
  });
  world.machines.set(id, machine);
  await makeFolders(machine);
  saveMachine(machine);
  change(world, machine, () => boot(world, machine));
  return ok(show(world, machine));
}

/** Makes a change of state that outlasts the request, as a runner does. */
function change(world: World, machine: Machine, act: () => Promise<void>): void {
  machine.change = machine.change.then(act).catch((error: unknown) => {
    machine.record.state = "error";
    violate(world, `the stand-in itself failed to change a machine: ${String(error)}`);
  });
}

/** Starts what holds the machine's processes. */
export async function boot(world: World, machine: Machine): Promise<void> {
  const { record, root } = machine;
  machine.host = await world.openHost({ id: record.id, root, allows: allowsOf(record) });
  record.state = "started";
  record.lastActivityAt = world.clock().getTime();
  saveMachine(machine);
}

function start(world: World, machine: Machine): Answer {
  const { record } = machine;
  if (record.state === "started") return ok(show(world, machine));
  if (record.state !== "stopped" && record.state !== "archived")
    throw new Refusal(record.state === "error" ? 400 : 409, "Sandbox state change in progress");
  record.state = "starting";
  change(world, machine, () => boot(world, machine));
  return ok(show(world, machine));
}

function stop(world: World, machine: Machine): Answer {
  const { record } = machine;
  if (record.state !== "started") throw new Refusal(400, "Sandbox is not in a stoppable state");
  record.state = "stopping";
  change(world, machine, () => halt(machine));
  return ok(show(world, machine));
}

/** Ends every process of a machine; its files stay. */
export async function halt(machine: Machine): Promise<void> {
  const { host } = machine;
  machine.host = null;
  await host?.destroy();
  machine.record.state = "stopped";
  saveMachine(machine);
}

function remove(world: World, machine: Machine): Answer {
  machine.record.state = "destroying";
  change(world, machine, () => destroyMachine(world, machine));
  return ok(show(world, machine));
}

async function setNetwork(
  world: World,
  machine: Machine,
  body: z.infer<typeof networkBody>,
): Promise<Answer> {
  const { record } = machine;
  if (body.networkBlockAll !== undefined) {
    record.networkBlockAll = body.networkBlockAll;
    record.networkAllowList = null;
  }
  if (body.networkAllowList !== undefined) {
    record.networkAllowList = checkAllowList(body.networkAllowList);
    record.networkBlockAll = false;
  }
  await machine.host?.applyNetwork(allowsOf(record));
  saveMachine(machine);
  return ok(show(world, machine));
}

function list(world: World, search: URLSearchParams): Answer {
  const query = parse(world, listQuery, Object.fromEntries(search));
  const wanted = Object.entries(
    query.labels === undefined ? {} : (JSON.parse(query.labels) as Record<string, string>),
  );
  const sign = query.order === "desc" ? -1 : 1;
  const all = [...world.machines.values()]
    .filter(({ record }) => record.state !== "destroying")
    .filter(({ record }) => wanted.every(([name, value]) => record.labels[name] === value))
    .sort((a, b) => sign * (a.record.createdAt - b.record.createdAt));
  const from = Number(query.cursor ?? 0);
  const to = from + Math.min(query.limit ?? 100, world.pageSize);
  return ok({
    items: all.slice(from, to).map((machine) => showListed(world, machine)),
    nextCursor: to < all.length ? String(to) : null,
  });
}

const desiredStates: Partial<Record<MachineRecord["state"], string>> = {
  stopping: "stopped",
  stopped: "stopped",
  archived: "archived",
  destroying: "destroyed",
};

function showListed(world: World, { record }: Machine) {
  return {
    ...{
      id: record.id,
      organizationId: "organization-1",
      name: record.name,
      target: "us",
      snapshot: record.snapshot,
    },
    ...{ user: "user", labels: record.labels, public: false, cpu: 2, gpu: 0, memory: 4, disk: 8 },
    ...{ state: record.state, desiredState: desiredStates[record.state] ?? "started" },
    ...(record.state === "error" ? { errorReason: "the runner is lost", recoverable: false } : {}),
    networkBlockAll: record.networkBlockAll,
    ...(record.networkAllowList === null ? {} : { networkAllowList: record.networkAllowList }),
    autoStopInterval: record.autoStopInterval,
    autoArchiveInterval: record.autoArchiveInterval,
    autoDeleteInterval: record.autoDeleteInterval,
    createdAt: new Date(record.createdAt).toISOString(),
    updatedAt: new Date(record.lastActivityAt).toISOString(),
    lastActivityAt: new Date(record.lastActivityAt).toISOString(),
    toolboxProxyUrl: `${world.url()}/toolbox`,
  };
}

function show(world: World, machine: Machine) {
  return { ...showListed(world, machine), env: machine.record.env };
}
