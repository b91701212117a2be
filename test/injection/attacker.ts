import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { once } from "node:events";
import { createServer, type AddressInfo, type Server } from "node:net";
import { networkInterfaces } from "node:os";
import { join } from "node:path";

/** Where the attacker listens, as a payload names it. */
export type AttackerAddress = {
  /** TCP of both families; what speaks HTTP gets an answer. */
  tcpPort: number;
  /** UDP of both families. */
  udpPort: number;
  /** An address of this host that is not loopback; null where it has none. */
  hostAddress: string | null;
  /** A socket in a folder that everybody may read. */
  socketPath: string;
  /** The same in the abstract namespace, which belongs to the network. */
  abstractName: string;
};

export type Attacker = {
  address: AttackerAddress;
  /** All bytes that ever came, over whatever way, as latin1. */
  received: () => string;
  close: () => Promise<void>;
};

const answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";

/** An attacker's listener outside of any sandbox: genuine sockets of this host, and whatever reaches them is a leak. */
export async function startAttacker(folder: string): Promise<Attacker> {
  let received = "";
  const take = (chunk: Buffer): void => void (received += chunk.toString("latin1"));
  const open = new Set<{ destroy: () => unknown }>();
  const serve = (): Server =>
    createServer((socket) => {
      open.add(socket);
      socket.on("data", (chunk) => {
        take(chunk);
        // Left open: an upload goes on behind its headers.
        if (socket.bytesWritten === 0) socket.write(answer);
      });
      // Who hangs up in the middle has been heard all the same.
      socket.on("error", () => socket.destroy());
      socket.on("close", () => open.delete(socket));
    });
  const tcp = serve();
  const unix = serve();
  const abstract = serve();
  const socketPath = join(folder, "attacker.sock");
  const abstractName = `rc-attacker-${crypto.randomUUID()}`;
  tcp.listen(0, "::");
  unix.listen(socketPath);
  abstract.listen(`\0${abstractName}`);
  await Promise.all([tcp, unix, abstract].map((server) => once(server, "listening")));
  const udp = await openUdp(take);
  return {
    address: {
      tcpPort: (tcp.address() as AddressInfo).port,
      udpPort: udp.address().port,
      hostAddress: findHostAddress(),
      socketPath,
      abstractName,
    },
    received: () => received,
    async close() {
      for (const socket of open) socket.destroy();
      udp.close();
      await Promise.all([tcp, unix, abstract].map((server) => new Promise((done) => server.close(done))));
    },
  };
}

async function openUdp(take: (chunk: Buffer) => void): Promise<UdpSocket> {
  const socket = createSocket({ type: "udp6", ipv6Only: false });
  socket.on("message", take);
  socket.bind(0, "::");
  await once(socket, "listening");
  return socket;
}

function findHostAddress(): string | null {
  const all = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  return all.find(({ family, internal }) => family === "IPv4" && !internal)?.address ?? null;
}
