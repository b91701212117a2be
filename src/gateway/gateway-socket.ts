import { once } from "node:events";
import { createServer } from "node:http";
import type { Socket } from "node:net";
import type { GatewayDeps } from "./gateway-deps.ts";
import { createGatewayHandler, type GatewayOptions } from "./gateway-handler.ts";

export type GatewaySocket = {
  /** Ends every connection and waits until all calls are settled. */
  close(): Promise<void>;
};

/** An agent thinks and runs tools between two calls; a connection of its pool should still be there then. */
const keepAliveTimeoutMs = 10 * 60_000;

/** More than an agent with all its helpers needs; a tunnel takes two descriptors, and the worker has other agents. */
const maxConnections = 256;

/** The gateway on a unix socket, for a sandbox on this machine. Rejects when the path cannot be listened on. */
export async function openGatewaySocket(
  deps: GatewayDeps,
  { socketPath, ...options }: { socketPath: string } & GatewayOptions,
): Promise<GatewaySocket> {
  const handler = createGatewayHandler(deps, options);
  const server = createServer({ keepAliveTimeout: keepAliveTimeoutMs }, handler.onRequest);
  server.maxConnections = maxConnections;
  server.on("connect", handler.onConnect);
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  server.listen(socketPath);
  await once(server, "listening");
  return {
    close: async () => {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
      await handler.close();
    },
  };
}
