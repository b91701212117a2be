import { buffer } from "node:stream/consumers";
import { checkUser } from "./check-headers.ts";
import { ConnectError, openStream, readFrame } from "./connect-stream.ts";
import { answer, strike, type Exchange } from "./exchange.ts";
import { sendFile, takeFiles } from "./file-transfer.ts";
import { filesystemService } from "./filesystem-service.ts";
import type { Machine } from "./machine.ts";
import { connectProcess, listenFor, processService, startProcess } from "./process-service.ts";
import { Refusal, strange } from "./refusal.ts";

const unary: Readonly<Record<string, (typeof processService)[string]>> = {
  ...named("/process.Process/", processService),
  ...named("/filesystem.Filesystem/", filesystemService),
};

function named<T>(prefix: string, service: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(service).map(([name, rpc]) => [prefix + name, rpc]));
}

/** Answers a request for the envd inside a machine; `E2b-Sandbox-Id` says which. */
export async function serveEnvd(exchange: Exchange): Promise<void> {
  const { incoming, response, url } = exchange;
  const machine = findMachine(exchange);
  if (machine === null) {
    const sandboxId = exchange.call.sandboxId;
    exchange.incoming.resume();
    settle(exchange, () =>
      answer(response, 502, { sandboxId, message: "The sandbox was not found", code: 502 }),
    );
    return;
  }
  const route = `${incoming.method ?? ""} ${url.pathname}`;
  if (route !== "GET /health" && incoming.headers["x-access-token"] !== machine.record.accessToken) {
    throw new Refusal(401, "unauthorized access, please provide a valid access token");
  }
  const cut = () => void incoming.socket.destroy();
  machine.cuts.add(cut);
  response.once("close", () => machine.cuts.delete(cut));
  checkUser(incoming.headers.authorization);
  if (route === "GET /health") settle(exchange, () => answer(response, 204));
  else if (route === "GET /files") {
    if (exchange.after === undefined) await sendFile({ machine, ...exchange });
    else settle(exchange, () => undefined);
  } else if (route === "POST /files") {
    const written = await takeFiles({ machine, ...exchange });
    settle(exchange, () => answer(response, 200, written));
  } else await serveRpc(exchange, machine);
}

/** The running machine that the request names; null when there is none (any more). */
function findMachine({ world, incoming, call }: Exchange): Machine | null {
  const id = incoming.headers["e2b-sandbox-id"];
  if (typeof id !== "string" || incoming.headers["e2b-sandbox-port"] === undefined) {
    throw strange("expected the headers E2b-Sandbox-Id and E2b-Sandbox-Port", 400);
  }
  call.sandboxId = id;
  const machine = world.machines.get(id);
  return machine?.record.state === "running" && machine.host !== null ? machine : null;
}

function settle(exchange: Exchange, send: () => void): void {
  if (exchange.after === undefined) send();
  else strike(exchange, exchange.after);
}

async function serveRpc(exchange: Exchange, machine: Machine): Promise<void> {
  const { incoming, response, url } = exchange;
  const body = await buffer(incoming);
  if (incoming.method !== "POST") throw strange(`${incoming.method ?? ""} ${url.pathname} is not modelled`);
  if (url.pathname === "/process.Process/Start" || url.pathname === "/process.Process/Connect") {
    await serveStream(exchange, machine, body);
    return;
  }
  const rpc = unary[url.pathname];
  if (rpc === undefined) throw strange(`POST ${url.pathname} is not modelled`);
  expectType(exchange, "application/json");
  const result = await rpc(machine, JSON.parse(body.toString()));
  settle(exchange, () => answer(response, 200, result));
}

function expectType({ incoming }: Exchange, wanted: string): void {
  const type = incoming.headers["content-type"];
  if (type !== wanted) throw strange(`expected ${wanted}, got ${type ?? "nothing"}`, 400);
}

async function serveStream(exchange: Exchange, machine: Machine, body: Buffer): Promise<void> {
  const { incoming, response, url } = exchange;
  expectType(exchange, "application/connect+json");
  const limit = incoming.headers["connect-timeout-ms"];
  const timeoutMs = limit === undefined ? null : Number(limit);
  const keepAliveMs = Number(incoming.headers["keepalive-ping-interval"] ?? 90) * 1000;
  try {
    const message = readFrame(body);
    const command = url.pathname.endsWith("/Start")
      ? await startProcess(machine, { message, timeoutMs })
      : connectProcess(machine, message);
    if (exchange.after !== undefined) {
      strike(exchange, exchange.after);
      return;
    }
    const stream = openStream(response);
    const beat = setInterval(() => stream.send({ event: { keepalive: {} } }), keepAliveMs);
    stream.onClose(() => clearInterval(beat));
    listenFor(command, stream, timeoutMs);
  } catch (error) {
    // In a stream an error is its last frame, under status 200.
    if (!(error instanceof ConnectError)) throw error;
    openStream(response).end(error);
  }
}
