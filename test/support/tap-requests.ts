import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { IncomingMessage, Server } from "node:http";
import type { Readable } from "node:stream";

/** A request that a server of this process got; `port` is null for a unix socket. */
export type TappedRequest = {
  port: number | null;
  method: string;
  url: string;
  headers: IncomingMessage["headers"];
  body: () => Buffer;
};

/** Copies every request that any HTTP server of this process gets from now on, whoever reads it, until `stop`. */
export function tapRequests(): { requests: readonly TappedRequest[]; stop: () => void } {
  const requests: TappedRequest[] = [];
  const onStart = (message: unknown) => {
    const { request, server } = message as { request: IncomingMessage; server: Server };
    const address = server.address();
    const chunks: Buffer[] = [];
    // What comes from the socket passes here, in whatever way it is read afterwards.
    const push = request.push.bind<Readable["push"]>(request);
    request.push = (chunk: unknown, encoding) => {
      if (chunk instanceof Uint8Array) chunks.push(Buffer.from(chunk));
      return push(chunk, encoding);
    };
    requests.push({
      port: typeof address === "object" ? (address?.port ?? null) : null,
      method: request.method ?? "",
      url: request.url ?? "",
      headers: request.headers,
      body: () => Buffer.concat(chunks),
    });
  };
  subscribe("http.server.request.start", onStart);
  return { requests, stop: () => void unsubscribe("http.server.request.start", onStart) };
}
