import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";

/** A server on 127.0.0.1 that can be closed and opened again on the port it once got. */
export type Door = { readonly url: string; open(): Promise<void>; close(): Promise<void> };

export function makeDoor(port: number, handle: RequestListener): Door {
  let server: Server | null = null;
  let fixedPort = port;
  return {
    get url() {
      return `http://127.0.0.1:${fixedPort}`;
    },
    async open() {
      server = createServer({ requestTimeout: 0 }, handle);
      server.listen(fixedPort, "127.0.0.1");
      await once(server, "listening");
      const address = server.address();
      if (address === null || typeof address === "string") {
        throw new Error(`Expected a TCP port to listen on, got ${String(address)}.`);
      }
      fixedPort = address.port;
    },
    async close() {
      if (server === null) return;
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      server = null;
      await closed;
    },
  };
}
