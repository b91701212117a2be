import { createServer, connect, type AddressInfo, type Socket } from "node:net";

export type TcpProxy = {
  port: number;
  /** Swallows everything from now on, in both directions, as a dead network does. */
  blackhole(): void;
  /** Cuts every connection and refuses new ones, as a stopped server does. */
  refuse(): void;
  /** How many connections were refused so far. */
  refused(): number;
  /** Lets new connections through again; the ones in the hole stay dead. */
  restore(): void;
  close(): Promise<void>;
};

/** A network between a program and a server, which can be told to fail. */
export async function startTcpProxy(target: { host: string; port: number }): Promise<TcpProxy> {
  let mode: "pass" | "blackhole" | "refuse" = "pass";
  const sockets = new Set<Socket>();
  let refused = 0;
  const hold = (socket: Socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket)).on("error", () => socket.destroy());
  };
  const server = createServer((near) => {
    hold(near);
    if (mode === "refuse") {
      refused += 1;
      near.destroy();
      return;
    }
    if (mode === "blackhole") {
      near.resume();
      return;
    }
    const far = connect(target);
    hold(far);
    near.pipe(far).pipe(near);
    near.on("close", () => far.destroy());
    far.on("close", () => near.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    blackhole() {
      mode = "blackhole";
      for (const socket of sockets) {
        socket.unpipe();
        socket.removeAllListeners("close");
        socket.on("close", () => sockets.delete(socket));
        socket.resume();
      }
    },
    refuse() {
      mode = "refuse";
      for (const socket of sockets) socket.destroy();
    },
    refused: () => refused,
    restore() {
      mode = "pass";
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** The same database as `url`, through the proxy. */
export async function proxyDatabase(url: string): Promise<{ url: string; proxy: TcpProxy }> {
  const through = new URL(url);
  const proxy = await startTcpProxy({ host: through.hostname, port: Number(through.port || 5432) });
  through.hostname = "127.0.0.1";
  through.port = String(proxy.port);
  return { url: through.href, proxy };
}
