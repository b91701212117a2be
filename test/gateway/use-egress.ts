import { once } from "node:events";
import { createServer, request, type IncomingMessage, type Server } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach } from "vitest";
import type { ResolveHost } from "../../src/gateway/admit-egress.ts";
import type { DeniedEgress } from "../../src/gateway/serve-egress.ts";
import type { createTurn } from "./fixture.ts";
import { useGateway, type Rig } from "./use-gateway.ts";

export const publicAddress = "93.184.215.14";

/** What the resolver says in these tests; it knows no other names. */
const names: Record<string, readonly string[]> = {
  "registry.example.org": [publicAddress],
  "deep.sub.example.com": [publicAddress, "2606:2800:21f:cb07::1"],
  "mixed.example.com": [publicAddress, "10.0.0.1"],
  "metadata.example.com": ["169.254.169.254"],
  "nowhere.example.com": [],
  "127.0.0.1": ["127.0.0.1"],
  localhost: ["::1", "127.0.0.1"],
};
const egressHosts = [
  ...["registry.example.org", "*.example.com", "gone.example.net", "rebind.example.net"],
  ...["127.0.0.1", "localhost"],
];

type FarRequest = { url: string; headers: IncomingMessage["headers"]; body: string };

export type Egress = {
  rig: Rig;
  turn: Awaited<ReturnType<typeof createTurn>>;
  /** What the server that stands for the whole internet got. */
  farRequests: FarRequest[];
  /** Names that were resolved. */
  asked: string[];
  /** Addresses that were connected to, with port. */
  dialled: string[];
  denied: DeniedEgress[];
  reopen: (options: {
    resolveHost?: ResolveHost;
    connectTo?: (address: string, port: number) => Socket;
  }) => Promise<void>;
};

/** A gateway whose outside is one server of ours, whatever the address, and whose names are ours. */
export function useEgress(): Egress {
  const rig = useGateway();
  const egress = { rig } as Egress;
  let far: Server;
  beforeEach(async () => {
    Object.assign(egress, { farRequests: [], asked: [], dialled: [], denied: [] });
    far = await startFar(egress);
    egress.turn = await rig.newTurn();
    egress.reopen = ({ resolveHost = resolve, connectTo }) =>
      rig.reopen({
        egressHosts,
        resolveHost: (host) => {
          egress.asked.push(host);
          return resolveHost(host);
        },
        connectTo: (address, port) => {
          egress.dialled.push(`${address}:${port}`);
          return connectTo?.(address, port) ?? connect((far.address() as AddressInfo).port, "127.0.0.1");
        },
        onDenied: (each) => egress.denied.push(each),
      });
    await egress.reopen({});
  });
  afterEach(async () => {
    await rig.gateway.close();
    far.closeAllConnections();
    await new Promise((done) => far.close(done));
  });
  return egress;
}

function resolve(host: string): Promise<readonly string[]> {
  const found = names[host];
  if (found !== undefined) return Promise.resolve(found);
  return Promise.reject(Object.assign(new Error(`no ${host}`), { code: "ENOTFOUND" }));
}

async function startFar(egress: Egress): Promise<Server> {
  const far = createServer((incoming, response) => {
    void text(incoming).then((body) => {
      egress.farRequests.push({ url: String(incoming.url), headers: incoming.headers, body });
      response.writeHead(200, { "x-far": "yes" }).end("from afar");
    });
  });
  far.listen(0, "127.0.0.1");
  await once(far, "listening");
  return far;
}

const basic = (token: string) => `Basic ${Buffer.from(`turn:${token}`).toString("base64")}`;

/** Asks for a tunnel in so many bytes; resolves with the status line, and the socket when there is a tunnel. */
export async function openTunnel(
  { rig, turn }: Egress,
  authority: string,
  token: string | null = turn.token,
) {
  const socket = connect(rig.gateway.socketPath);
  const auth = token === null ? "" : `proxy-authorization: ${basic(token)}\r\n`;
  socket.write(`CONNECT ${authority} HTTP/1.1\r\nhost: ${authority}\r\n${auth}\r\n`);
  let answer = "";
  for await (const chunk of socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    answer += chunk.toString();
    if (answer.startsWith("HTTP/1.1 200") && answer.endsWith("\r\n\r\n")) break;
  }
  return { status: Number(answer.split(" ")[1]), answer, socket };
}

/** A plain HTTP request through the proxy. */
export async function viaProxy({ rig, turn }: Egress, url: string, token = turn.token, body = "") {
  const outgoing = request({
    socketPath: rig.gateway.socketPath,
    path: url,
    method: "POST",
    headers: {
      host: "whatever",
      "proxy-authorization": basic(token),
      "x-kept": "1",
      connection: "keep-alive, x-hop",
      "x-hop": "1",
    },
    agent: false,
  });
  outgoing.end(body);
  const [response] = (await once(outgoing, "response")) as [IncomingMessage];
  return { status: response.statusCode, headers: response.headers, text: await text(response) };
}
