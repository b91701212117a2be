import type { IncomingMessage } from "node:http";
import { json } from "node:stream/consumers";
import type { z } from "zod";
import { connectBody, createBody, listQuery, networkBody, pauseBody, timeoutBody } from "./api-bodies.ts";
import { checkNetwork } from "./egress-policy.ts";
import type { Exchange } from "./exchange.ts";
import {
  createMachine,
  destroyMachine,
  endOf,
  inTurn,
  moveMachine,
  pauseMachine,
  replaceNetwork,
  resumeMachine,
} from "./lifecycle.ts";
import { listMachines } from "./list-machines.ts";
import { saveMachine, type Machine } from "./machine.ts";
import { Refusal, strange } from "./refusal.ts";
import { nowMs, tell, type World } from "./world.ts";

// 2.51 gates features on it (closeStdin 0.5.2, octet-stream 0.5.7, file metadata 0.6.2).
const envdVersion = "0.6.13";
const defaultSeconds = 300;

export type ApiAnswer = { status: number; body?: unknown; headers?: Record<string, string> };

type Handler = (world: World, call: { id: string; exchange: Exchange }) => Promise<ApiAnswer>;

const routes: { method: string; path: RegExp; handle: Handler }[] = [
  { method: "POST", path: /^\/v2\/sandboxes$/, handle: create },
  { method: "GET", path: /^\/v2\/sandboxes$/, handle: list },
  { method: "POST", path: /^\/v2\/sandboxes\/([^/]+)\/connect$/, handle: connect },
  { method: "GET", path: /^\/sandboxes\/([^/]+)$/, handle: read },
  { method: "DELETE", path: /^\/sandboxes\/([^/]+)$/, handle: kill },
  { method: "POST", path: /^\/sandboxes\/([^/]+)\/pause$/, handle: pause },
  { method: "POST", path: /^\/sandboxes\/([^/]+)\/timeout$/, handle: setTimeoutOf },
  { method: "PUT", path: /^\/sandboxes\/([^/]+)\/network$/, handle: setNetwork },
];

/** Answers a request of the control plane. */
export async function serveApi(exchange: Exchange): Promise<ApiAnswer> {
  const { world, incoming, url } = exchange;
  const method = incoming.method ?? "";
  const key = incoming.headers["x-api-key"];
  if (key !== world.apiKey) {
    throw new Refusal(
      401,
      key === undefined ? "API key is missing" : "Cannot get the team for the given API key",
    );
  }
  for (const route of routes) {
    const match = route.path.exec(url.pathname);
    if (match === null || route.method !== method) continue;
    if (route.handle !== list && url.search !== "") throw strange(`unknown query ${url.search}`, 400);
    return await route.handle(world, { id: decodeURIComponent(match[1] ?? ""), exchange });
  }
  throw strange(`${method} ${url.pathname} is not modelled`);
}

async function bodyOf<S extends z.ZodType>(schema: S, incoming: IncomingMessage): Promise<z.infer<S>> {
  const type = incoming.headers["content-type"];
  if (type !== "application/json") throw strange(`expected application/json, got ${type ?? "nothing"}`, 400);
  return schema.parse(await json(incoming));
}

function find(world: World, id: string): Machine {
  const machine = world.machines.get(id);
  if (machine === undefined) throw new Refusal(404, `Sandbox '${id}' was not found`);
  return machine;
}

function running(world: World, id: string): Machine {
  const machine = find(world, id);
  if (machine.record.state !== "running") throw new Refusal(404, `Sandbox '${id}' is not running`);
  return machine;
}

/** Seconds of a request as ms; more than the plan allows is refused. */
function lifetime(world: World, seconds: number = defaultSeconds): number {
  if (seconds * 1000 > world.planCapMs) {
    throw new Refusal(400, `Timeout cannot be greater than ${world.planCapMs / 3_600_000} hours`);
  }
  return seconds * 1000;
}

async function create(world: World, { exchange }: { exchange: Exchange }): Promise<ApiAnswer> {
  const body = await bodyOf(createBody, exchange.incoming);
  const timeoutMs = lifetime(world, body.timeout);
  if (body.templateID !== world.template) {
    throw new Refusal(404, `template '${body.templateID}' not found`);
  }
  if (body.autoPauseMemory !== undefined && body.autoPause !== true) {
    throw strange("autoPauseMemory without autoPause", 400);
  }
  checkNetwork(body.network ?? {});
  const machine = await createMachine(world, {
    metadata: body.metadata ?? {},
    network: body.network ?? {},
    allowInternetAccess: body.allow_internet_access ?? null,
    autoPause: body.autoPause ?? false,
    autoPauseMemory: body.autoPauseMemory ?? true,
    envs: body.envVars ?? {},
    timeoutMs,
  });
  exchange.call.sandboxId = machine.record.id;
  return { status: 201, body: short(machine) };
}

async function list(world: World, { exchange }: { exchange: Exchange }): Promise<ApiAnswer> {
  const query = listQuery.parse(Object.fromEntries(exchange.url.searchParams));
  const { items, nextToken, totalRunning } = listMachines(world, query);
  const headers = {
    "x-total-running": String(totalRunning),
    ...(nextToken === null ? {} : { "x-next-token": nextToken }),
  };
  const body = items.map((machine) => listed(world, machine));
  return await Promise.resolve({ status: 200, body, headers });
}

async function read(world: World, { id }: { id: string }): Promise<ApiAnswer> {
  const machine = find(world, id);
  const { record } = machine;
  const body = {
    ...listed(world, machine),
    domain: null,
    allowInternetAccess: record.allowInternetAccess,
    network: record.network,
    lifecycle: { autoResume: false, onTimeout: record.autoPause ? "pause" : "kill" },
    ...(record.state === "running" ? { envdAccessToken: record.accessToken } : {}),
  };
  return await Promise.resolve({ status: 200, body });
}

async function connect(
  world: World,
  { id, exchange }: { id: string; exchange: Exchange },
): Promise<ApiAnswer> {
  const { timeout, memory = true } = await bodyOf(connectBody, exchange.incoming);
  const timeoutMs = lifetime(world, timeout);
  const machine = find(world, id);
  return await inTurn(machine, async () => {
    find(world, id);
    if (world.connectsToMove > 0) {
      world.connectsToMove -= 1;
      await moveMachine(world, machine);
    }
    if (machine.record.state === "running") {
      machine.record.endAt = Math.max(machine.record.endAt, nowMs(world) + timeoutMs);
      await saveMachine(machine);
      return { status: 200, body: short(machine) };
    }
    await resumeMachine(world, machine, { memory, timeoutMs });
    return { status: 201, body: short(machine) };
  });
}

async function pause(world: World, { id, exchange }: { id: string; exchange: Exchange }): Promise<ApiAnswer> {
  const { memory = true } = await bodyOf(pauseBody, exchange.incoming);
  const machine = find(world, id);
  return await inTurn(machine, async () => {
    if (find(world, id).record.state === "paused") {
      throw new Refusal(409, `Error pausing sandbox - sandbox '${id}' is already paused`);
    }
    await pauseMachine(world, machine, memory);
    return { status: 204 };
  });
}

async function kill(world: World, { id }: { id: string }): Promise<ApiAnswer> {
  const machine = find(world, id);
  return await inTurn(machine, async () => {
    find(world, id);
    await destroyMachine(world, machine);
    return { status: 204 };
  });
}

async function setTimeoutOf(
  world: World,
  { id, exchange }: { id: string; exchange: Exchange },
): Promise<ApiAnswer> {
  const { timeout } = await bodyOf(timeoutBody, exchange.incoming);
  const machine = running(world, id);
  // The plan's cap needs no word here: it holds whatever the end is.
  machine.record.endAt = nowMs(world) + timeout * 1000;
  await saveMachine(machine);
  return { status: 204 };
}

async function setNetwork(
  world: World,
  { id, exchange }: { id: string; exchange: Exchange },
): Promise<ApiAnswer> {
  const { allow_internet_access: allowed, ...network } = await bodyOf(networkBody, exchange.incoming);
  checkNetwork(network);
  const machine = running(world, id);
  await inTurn(machine, () => replaceNetwork(machine, { network, allowInternetAccess: allowed ?? null }));
  return { status: 204 };
}

function short({ record }: Machine) {
  return {
    sandboxID: record.id,
    templateID: record.template,
    clientID: "stand-in",
    envdVersion,
    envdAccessToken: record.accessToken,
    domain: null,
  };
}

function listed(world: World, { record }: Machine) {
  return {
    sandboxID: record.id,
    templateID: record.template,
    alias: record.template,
    clientID: "stand-in",
    startedAt: tell(world, record.startedAt),
    endAt: tell(world, endOf(world, record)),
    state: record.state,
    cpuCount: 2,
    memoryMB: 1024,
    diskSizeMB: 10_240,
    envdVersion,
    metadata: record.metadata,
  };
}
