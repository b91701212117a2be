import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test, vi } from "vitest";
import { closeGitHub, startSetupGitHub } from "./setup-world.ts";
import { openBrowser } from "./setup-browser.ts";

const script = fileURLToPath(new URL("../../src/start.ts", import.meta.url));

test("npm start without an App: /setup makes one, and server and worker start anew with it", async () => {
  const folder = await mkdtemp(join(tmpdir(), "rc-setup-start-"));
  const github = await startSetupGitHub();
  const port = await findFreePort();
  const child = spawn(process.execPath, [script], {
    cwd: folder,
    env: {
      PATH: process.env.PATH,
      GITHUB_API_URL: github.apiUrl,
      GITHUB_SERVER_URL: github.url,
      HOST: "127.0.0.1",
      PORT: String(port),
      SANDBOX_LOCAL_ISOLATION: "none",
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const patience = { timeout: 60_000, interval: 100 };
  const url = await vi.waitUntil(() => /\bhttp:\/\/\S+\/setup\?token=[\w-]{43}/.exec(said)?.[0], patience);
  const local = new URL(url).pathname + new URL(url).search;
  const base = `http://127.0.0.1:${String(port)}`;
  const post = await fetch(`${base}/api/github/webhooks`, { method: "POST" });
  expect(post.status).toBe(503);

  const browser = openBrowser();
  const second = await browser.submit(await browser.get(base + local), {
    organization: "acme",
    publicUrl: base,
  });
  expect((await browser.submit(second)).status).toBe(200);

  await vi.waitUntil(() => said.includes("the worker takes jobs"), patience);
  const isReady = () =>
    fetch(`${base}/readyz`).then(
      ({ status }) => status === 200,
      () => false,
    );
  await vi.waitUntil(isReady, patience);
  expect((await fetch(`${base}/setup`)).status).toBe(404);
  const closed = once(child, "close");
  child.kill("SIGTERM");
  expect(await closed).toEqual([0, null]);
  await closeGitHub(github);
  await rm(folder, { recursive: true });
}, 180_000);

async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
