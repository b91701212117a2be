import {
  request as requestHttp,
  type ClientRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
} from "node:http";
import { request as requestHttps } from "node:https";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { toError } from "../errors.ts";
import { S3Fault } from "./s3-fault.ts";
import { startStallWatch, type StallWatch } from "./stall-watch.ts";

export type S3Payload = {
  bytes: number;
  /** Hexadecimal; the service compares it with what arrived. */
  sha256: string;
  /** The bytes from their beginning, for each try anew; a chunk is good until the next one is asked for. */
  read(): AsyncIterable<Uint8Array>;
};

export type SignedRequest = {
  method: string;
  url: URL;
  headers: Readonly<Record<string, string>>;
  payload: S3Payload | null;
};

/** An answer, to be read once. Reading throws an S3Fault when the connection is lost. */
export type S3Answer = {
  status: number;
  headers: IncomingHttpHeaders;
  body(): AsyncIterable<Uint8Array>;
};

/**
 * Sends one request and hands its answer over. Throws an S3Fault when there is none or nothing moves for `stallMs`, and
 * what reading the payload throws. By node:http, because fetch keeps an upload in memory to its last byte, for a
 * redirect that may come.
 */
export async function exchange<Result>(
  request: SignedRequest,
  stallMs: number,
  take: (answer: S3Answer) => Promise<Result>,
): Promise<Result> {
  const send = request.url.protocol === "https:" ? requestHttps : requestHttp;
  const outgoing = send(request.url, { method: request.method, headers: request.headers });
  let incoming: IncomingMessage | null = null;
  using watch = startStallWatch(stallMs, (error) => (incoming ?? outgoing).destroy(error));
  try {
    incoming = await sendAndWait(outgoing, request.payload, watch);
    watch.touch();
    const { headers } = incoming;
    const body = readBody(incoming, watch);
    return await take({ status: incoming.statusCode ?? 0, headers, body: () => body });
  } finally {
    incoming?.resume();
    // A connection on which something is still under way serves nobody else.
    if (incoming?.complete !== true || !outgoing.writableFinished) outgoing.destroy();
  }
}

/** A service may answer before it has read everything; whatever becomes of the rest is then of no interest. */
async function sendAndWait(
  outgoing: ClientRequest,
  payload: S3Payload | null,
  watch: StallWatch,
): Promise<IncomingMessage> {
  return await new Promise((resolve, reject) => {
    let sourceFault: Error | null = null;
    const fail = (cause: unknown) => {
      reject(sourceFault ?? new S3Fault({ status: null, code: null }, { cause }));
    };
    outgoing.once("response", resolve).on("error", fail);
    if (payload === null) {
      outgoing.end();
      return;
    }
    const chunks = readSource(payload, watch, (error) => (sourceFault = toError(error)));
    pipeline(Readable.from(chunks), outgoing).catch(fail);
  });
}

async function* readSource(
  payload: S3Payload,
  watch: StallWatch,
  onFault: (error: unknown) => void,
): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of payload.read()) {
      watch.touch();
      // The socket may hold it for longer than it is good.
      yield Buffer.from(chunk);
    }
  } catch (error) {
    onFault(error);
    throw error;
  }
}

async function* readBody(incoming: IncomingMessage, watch: StallWatch): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of incoming as AsyncIterable<Buffer>) {
      watch.touch();
      yield chunk;
    }
  } catch (cause) {
    throw new S3Fault({ status: null, code: null }, { cause });
  }
}
