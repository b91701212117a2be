import { request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { pipeline } from "node:stream/promises";
import { admitEgress, explainRefusal, type Admission, type ResolveHost } from "./admit-egress.ts";
import { parseAbsoluteForm, parseAuthority, type Target } from "./egress-target.ts";
import { endToEndHeaders } from "./forward-headers.ts";
import type { GatewayDeps } from "./gateway-deps.ts";
import type { Turn } from "./turn.ts";

export type DeniedEgress = { turn: Turn; host: string; port: number; reason: string };

export type EgressGateway = Pick<GatewayDeps, "config" | "log"> & {
  resolveHost: ResolveHost;
  /** Opens a connection to an address that was resolved and judged. */
  connectTo: (address: string, port: number) => Socket;
  onDenied: (denied: DeniedEgress) => void;
};

/** A connection that carries nothing for so long is closed. */
const idleTimeoutMs = 5 * 60_000;

/** A CONNECT request: a blind tunnel to a listed host. */
export async function serveTunnel(
  gateway: EgressGateway,
  { turn, authority, socket, head }: { turn: Turn; authority: string; socket: Socket; head: Buffer },
): Promise<void> {
  const target = parseAuthority(authority);
  if (target === null) {
    answerSocket(socket, 403, explainTarget(authority));
    return;
  }
  const admission = await admit(gateway, turn, target);
  if (!admission.ok) {
    answerSocket(socket, 403, explainRefusal(target, admission.reason));
    return;
  }
  const far = gateway.connectTo(admission.address, target.port);
  // Also when nobody waits for it any more, the end of the other side must not end the process.
  far.on("error", () => far.destroy());
  try {
    await opened(far);
  } catch (error) {
    answerSocket(socket, 502, explainFailure(target, error));
    return;
  }
  socket.write("HTTP/1.1 200 Connection Established\r\n\r\n");
  if (head.length > 0) far.write(head);
  for (const side of [socket, far]) side.setTimeout(idleTimeoutMs, () => side.destroy());
  // Either side may break off; that is how a tunnel ends.
  await Promise.allSettled([pipeline(socket, far), pipeline(far, socket)]);
  logBytes(gateway, turn, target, { bytesOut: far.bytesWritten, bytesIn: far.bytesRead });
}

/** An absolute-form request: plain HTTP to a listed host. */
export async function servePlainHttp(
  gateway: EgressGateway,
  { turn, request, response }: { turn: Turn; request: IncomingMessage; response: ServerResponse },
): Promise<void> {
  const url = String(request.url);
  const target = parseAbsoluteForm(url);
  if (target === null) {
    answerText(response, 403, explainTarget(url));
    return;
  }
  const admission = await admit(gateway, turn, target);
  if (!admission.ok) {
    answerText(response, 403, explainRefusal(target, admission.reason));
    return;
  }
  const far = gateway.connectTo(admission.address, target.port);
  far.setTimeout(idleTimeoutMs, () => far.destroy());
  const onward = httpRequest({
    createConnection: () => far,
    method: request.method ?? "GET",
    path: target.path,
    headers: {
      ...endToEndHeaders(request.headers),
      host: target.port === 80 ? target.host : `${target.host}:${target.port}`,
      connection: "close",
    },
  });
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  onward.once("response", resolve);
  onward.on("error", reject);
  response.once("close", () => far.destroy());
  request.pipe(onward);
  try {
    const answer = await promise;
    response.writeHead(answer.statusCode ?? 502, endToEndHeaders(answer.headers));
    await pipeline(answer, response);
  } catch (error) {
    if (response.headersSent) response.destroy();
    else answerText(response, 502, explainFailure(target, error));
  }
  logBytes(gateway, turn, target, { bytesOut: far.bytesWritten, bytesIn: far.bytesRead });
}

async function admit(gateway: EgressGateway, turn: Turn, target: Target): Promise<Admission> {
  const { egressHosts } = gateway.config.sandbox;
  const admission = await admitEgress({ resolveHost: gateway.resolveHost, egressHosts }, target);
  if (!admission.ok) {
    const denied = { turn, host: target.host, port: target.port, reason: admission.reason };
    gateway.log.warn({ taskId: turn.taskId, ...target, reason: admission.reason }, "egress denied");
    gateway.onDenied(denied);
  }
  return admission;
}

async function opened(socket: Socket): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  socket.once("connect", () => resolve(undefined));
  socket.once("error", reject);
  await promise;
  socket.off("error", reject);
}

function logBytes(
  { log }: Pick<GatewayDeps, "log">,
  turn: Turn,
  { host, port }: Target,
  bytes: { bytesOut: number; bytesIn: number },
): void {
  log.info({ taskId: turn.taskId, host, port, ...bytes }, "egress");
}

function explainTarget(asked: string): string {
  return `Expected a host name with port 80 or 443, got ${JSON.stringify(asked.slice(0, 300))}.`;
}

function explainFailure({ host }: Target, error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "no answer";
  return `Egress to ${host} failed: ${code}.`;
}

/** Answers a CONNECT request that becomes no tunnel. */
export function answerSocket(socket: Socket, status: number, text: string, header = ""): void {
  const body = `${text}\n`;
  socket.end(
    `HTTP/1.1 ${status} ${status === 407 ? "Proxy Authentication Required" : "Refused"}\r\n${header}` +
      `content-type: text/plain; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}

/** Answers an absolute-form request that is not passed on. */
export function answerText(
  response: ServerResponse,
  status: number,
  text: string,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8", ...headers });
  response.end(`${text}\n`);
}
