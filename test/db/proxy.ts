import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { onTestFinished } from "vitest";

export type Proxy = {
  url: string;
  /** Ends all connections without a word. */
  cut: () => void;
  /** Swallows what the database says from now on, or no more. */
  mute: (muted: boolean) => void;
};

/** Another port for the database of the URL, through which a network can fail; gone at the end of the test. */
export async function startProxy(url: string): Promise<Proxy> {
  const { hostname, port } = new URL(url);
  const open = new Set<Socket>();
  let muted = false;
  const server = createServer((near) => {
    const far = connect(Number(port), hostname);
    near.pipe(far);
    far.on("data", (chunk) => (muted ? undefined : near.write(chunk)));
    far.on("end", () => near.end());
    for (const socket of [near, far]) {
      open.add(socket);
      socket.on("error", () => socket.destroy());
      socket.on("close", () => open.delete(socket));
    }
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const proxied = new URL(url);
  proxied.hostname = "127.0.0.1";
  proxied.port = String((server.address() as AddressInfo).port);
  const cut = () => {
    for (const socket of open) socket.destroy();
  };
  onTestFinished(() => {
    cut();
    server.close();
  });
  return { url: proxied.href, cut, mute: (value) => void (muted = value) };
}
