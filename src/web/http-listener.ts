import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";

type Respond = (request: IncomingMessage, response: ServerResponse) => void;

export type HttpListener = {
  /** Where it listens, with the port it really got. */
  url: string;
  /** No new connections; resolves when what is under way is answered, or cut off at the deadline. */
  close(): Promise<void>;
};

/** How long a request under way may take once the process is asked to stop. */
const closeDeadlineMs = 12_000;

/** Beyond what GitHub and a thousand agents open; each takes a descriptor, and some kilobytes once it speaks. */
const maxConnections = 4_096;

/** Serves HTTP/1.1 on an address. A whole request must come in within `bodyTimeoutMs`, its head within 10 s. */
export async function openHttpListener(input: {
  host: string;
  port: number;
  bodyTimeoutMs: number;
  /** Requests that may take longer than the others; null when there are none. */
  slow: { is: (request: IncomingMessage) => boolean; bodyTimeoutMs: number } | null;
  onRequest: Respond;
  /** Whether a sender that asks first may send its body. */
  mayContinue: (request: IncomingMessage) => boolean;
}): Promise<HttpListener> {
  let open = true;
  const { slow } = input;
  const server = createServer({
    headersTimeout: 10_000,
    requestTimeout: slow?.bodyTimeoutMs ?? input.bodyTimeoutMs,
    connectionsCheckingInterval: 1_000,
    keepAliveTimeout: 65_000,
  });
  server.maxConnections = maxConnections;
  const respond: Respond = (request, response) => {
    // A connection that has become idle after the server stopped would hold it up until its keep-alive ends.
    response.on("close", () => open || setImmediate(() => server.closeIdleConnections()));
    // The server itself waits for the slowest.
    if (slow !== null && !slow.is(request)) expectWithin(request, response, input.bodyTimeoutMs);
    input.onRequest(request, response);
  };
  server.on("request", respond);
  server.on("checkContinue", (request, response) => {
    if (input.mayContinue(request)) response.writeContinue();
    respond(request, response);
  });
  server.on("connect", (_request, socket: Socket) => refuseTunnel(socket));
  const url = await listen(server, input);
  return {
    url,
    async close() {
      open = false;
      const timer = setTimeout(() => server.closeAllConnections(), closeDeadlineMs);
      await new Promise<void>((resolve) => server.close(() => resolve()));
      clearTimeout(timer);
    },
  };
}

/** Ends a request that has not come in by then as node itself does it. */
function expectWithin(request: IncomingMessage, response: ServerResponse, timeoutMs: number): void {
  if (request.complete) return;
  const timer = setTimeout(() => {
    if (request.complete) return;
    if (!response.headersSent)
      request.socket.write("HTTP/1.1 408 Request Timeout\r\nconnection: close\r\n\r\n");
    request.destroy();
  }, timeoutMs);
  request.once("close", () => clearTimeout(timer));
}

/** Nobody's proxy: without an answer a client would take the connection's end for a fault and try again. */
function refuseTunnel(socket: Socket): void {
  socket.on("error", () => socket.destroy());
  socket.end("HTTP/1.1 405 Method Not Allowed\r\nconnection: close\r\ncontent-length: 0\r\n\r\n", () =>
    socket.destroy(),
  );
}

async function listen(server: Server, { host, port }: { host: string; port: number }): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(port, host, () => resolve());
  });
  const address = server.address() as AddressInfo;
  const shown = host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host;
  return `http://${shown.includes(":") ? `[${shown}]` : shown}:${address.port}`;
}
