import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { signalProcess } from "./processes.ts";
import type { Reachable } from "./world.ts";

const nsenter = "/usr/bin/nsenter";
const setpriv = "/usr/bin/setpriv";
const socat = "/usr/bin/socat";

const loopback = /^(127\.\d+\.\d+\.\d+|localhost)$/;

/** The ways out of a machine's empty network: one for each reachable service that its policy allows, and no other. */
export type Egress = {
  apply: (allows: (host: string) => boolean) => Promise<void>;
  close(): Promise<void>;
};

/** Opens no way yet; `namespaceOf` is a process in the machine's network. */
export async function openEgress(input: {
  namespaceOf: number;
  reachable: readonly Reachable[];
}): Promise<Egress> {
  const { namespaceOf, reachable } = input;
  for (const { host } of reachable) {
    if (!loopback.test(host)) throw new Error(`Expected a loopback address or localhost, got ${host}.`);
  }
  if (reachable.length === 0) return { apply: () => Promise.resolve(), close: () => Promise.resolve() };
  // Not below the stand-in's directory: the path of a unix socket may have 107 bytes at most.
  const folder = await mkdtemp(join(tmpdir(), "e2b-egress-"));
  const ways = new Map<Reachable, Way>();
  const closeWay = async (service: Reachable) => {
    const way = ways.get(service);
    ways.delete(service);
    await way?.close();
  };
  return {
    async apply(allows) {
      for (const [index, service] of reachable.entries()) {
        if (!allows(service.host)) await closeWay(service);
        else if (!ways.has(service)) {
          const socketPath = join(folder, String(index));
          ways.set(service, await openWay({ namespaceOf, service, socketPath }));
        }
      }
    },
    async close() {
      for (const service of reachable) await closeWay(service);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

type Way = { close(): Promise<void> };

async function openWay(input: { namespaceOf: number; service: Reachable; socketPath: string }): Promise<Way> {
  const { service, socketPath } = input;
  await rm(socketPath, { force: true });
  const sockets = new Set<Socket>();
  const server = createServer((near) => join2(near, connect(service.port, service.host), sockets));
  server.listen(socketPath);
  await once(server, "listening");
  const listener = await listenInside(input);
  return {
    async close() {
      const exited = once(listener, "exit");
      // With its children, one a connection, in the group of its own.
      if (
        listener.pid !== undefined &&
        listener.exitCode === null &&
        signalProcess(-listener.pid, "SIGKILL")
      ) {
        await exited;
      }
      await closeServer(server, sockets);
    },
  };
}

function join2(near: Socket, far: Socket, sockets: Set<Socket>): void {
  const end = () => {
    near.destroy();
    far.destroy();
  };
  for (const socket of [near, far]) {
    sockets.add(socket);
    // Either side that breaks off ends the other, which sees it by itself.
    socket.once("error", end);
    socket.once("close", () => sockets.delete(socket));
  }
  near.pipe(far).pipe(near);
}

async function closeServer(server: Server, sockets: Set<Socket>): Promise<void> {
  const closed = once(server, "close");
  server.close();
  for (const socket of sockets) socket.destroy();
  await closed;
}

/** A socat that listens in the machine's network, on the service's own address, and passes on to the unix socket. */
async function listenInside(input: {
  namespaceOf: number;
  service: Reachable;
  socketPath: string;
}): Promise<ChildProcess> {
  const { host, port } = input.service;
  const address = host === "localhost" ? "127.0.0.1" : host;
  const listener = spawn(
    nsenter,
    [
      ...["-t", String(input.namespaceOf), "-U", "-n", "--preserve-credentials", "--"],
      // It would outlive a stand-in that is killed.
      ...[setpriv, "--pdeathsig", "KILL", "--", socat, "-d", "-d"],
      ...[`TCP-LISTEN:${port},bind=${address},fork,reuseaddr`, `UNIX-CONNECT:${input.socketPath}`],
    ],
    { stdio: ["ignore", "ignore", "pipe"], env: {}, cwd: "/", detached: true },
  );
  let said = "";
  for await (const chunk of listener.stderr.iterator({ destroyOnReturn: false })) {
    said += String(chunk);
    if (said.includes("listening on")) {
      listener.stderr.resume();
      return listener;
    }
  }
  throw new Error(`Expected socat to listen on ${address}:${port} in the machine, it said: ${said.trim()}`);
}
