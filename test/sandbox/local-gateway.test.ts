import { createServer } from "node:http";
import { join } from "node:path";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { localMachine } from "../support/local-machine.ts";
import { needBwrap } from "../support/need-bwrap.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

describe.each(["bwrap", "none"] as const)("the gateway with isolation %s", (isolation) => {
  beforeEach((context) => (isolation === "bwrap" ? needBwrap(context) : undefined));

  test("answers the first request of a command, at the address that the environment was given", async () => {
    const socketPath = await openGateway("gateway-1");
    const { sandbox } = await localMachine({ isolation });
    const result = await sandbox.exec({
      argv: ["sh", "-c", 'curl -sS "$BASE/v1/messages?beta=1"'],
      env: (gatewayUrl) => ({ BASE: gatewayUrl }),
      gatewaySocket: socketPath,
      timeoutMs: 10_000,
    });
    expect(result).toMatchObject({
      exitCode: 0,
      stderrTail: "",
      stdoutTail: "gateway-1 /v1/messages?beta=1",
    });
  });

  test("two commands at once each reach their own", async () => {
    const [first, second] = [await openGateway("one"), await openGateway("two")];
    const { sandbox } = await localMachine({ isolation });
    const ask = (gatewaySocket: string) =>
      sandbox.exec({
        argv: ["sh", "-c", 'sleep 0.1; curl -sS "$BASE/x"'],
        env: (gatewayUrl) => ({ BASE: gatewayUrl }),
        gatewaySocket,
        timeoutMs: 10_000,
      });
    const results = await Promise.all([ask(first), ask(second)]);
    expect(results.map(({ stdoutTail }) => stdoutTail)).toEqual(["one /x", "two /x"]);
  });

  test("an answer of 20 MB and 50 requests at once pass whole", async () => {
    const socketPath = await openGateway("big");
    const { sandbox } = await localMachine({ isolation });
    const result = await sandbox.exec({
      argv: [
        "sh",
        "-c",
        'curl -sS "$BASE/big" | wc -c; for i in $(seq 50); do curl -sS "$BASE/$i" & done | grep -o big | wc -l',
      ],
      env: (gatewayUrl) => ({ BASE: gatewayUrl }),
      gatewaySocket: socketPath,
      timeoutMs: 20_000,
    });
    expect(result.stdoutTail.trim().split(/\s+/)).toEqual(["20000000", "50"]);
  });

  test("a gateway that is gone refuses and keeps nobody waiting", async () => {
    const { sandbox } = await localMachine({ isolation });
    const folder = await temporaryFolder();
    const server = createServer();
    const socketPath = join(folder, "gone.sock");
    await new Promise<void>((resolve) => server.listen(socketPath, resolve));
    const running = sandbox.exec({
      argv: ["sh", "-c", 'echo ready; while [ ! -e "$GO" ]; do sleep 0.02; done; curl -sS -m 5 "$BASE/x"'],
      env: (gatewayUrl) => ({ BASE: gatewayUrl, GO: `${sandbox.paths.tmp}/go` }),
      gatewaySocket: socketPath,
      timeoutMs: 10_000,
      onStdout: () => {
        server.close(() => void sandbox.writeFile(`${sandbox.paths.tmp}/go`, ""));
      },
    });
    const result = await running;
    expect(result.timedOut).toBe(false);
    expect([52, 56]).toContain(result.exitCode);
  });
});

async function openGateway(name: string): Promise<string> {
  const server = createServer((request, response) => {
    response.end(request.url === "/big" ? Buffer.alloc(20_000_000) : `${name} ${request.url ?? ""}`);
  });
  const socketPath = join(await temporaryFolder(), "gateway.sock");
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  onTestFinished(() => void server.close());
  return socketPath;
}
