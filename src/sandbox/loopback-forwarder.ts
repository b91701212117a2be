import { createServer, connect, type AddressInfo, type Socket } from "node:net";
import { pipeline } from "node:stream/promises";

/** Answers on a free loopback port and passes every connection to a unix socket, for machines that cannot mount one. */
export async function openLoopbackForwarder(
  socketPath: string,
): Promise<{ url: string; close(): Promise<void> }> {
  const open = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(socketPath);
    for (const socket of [near, far]) {
      open.add(socket);
      socket.once("close", () => open.delete(socket));
    }
    const end = () => {
      near.destroy();
      far.destroy();
    };
    // A side that breaks off ends the other; both ends see it by themselves.
    void Promise.all([pipeline(near, far), pipeline(far, near)]).then(end, end);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    async close() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
