import { createServer } from "node:http";
import { join } from "node:path";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { localMachine } from "../support/local-machine.ts";
import { needBwrap } from "../support/need-bwrap.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

beforeEach(needBwrap);

test("the real Claude Code reaches its model through the gateway, and an abort ends it in good order", async () => {
  const asked = Promise.withResolvers<{ path: string; key: string }>();
  const model = createServer((request) => {
    if (request.url?.startsWith("/v1/messages") !== true) return;
    // No answer: the turn hangs on its model until somebody stops it.
    asked.resolve({ path: request.url, key: String(request.headers["x-api-key"]) });
  });
  const gatewaySocket = join(await temporaryFolder(), "gateway.sock");
  await new Promise<void>((resolve) => model.listen(gatewaySocket, resolve));
  onTestFinished(() => {
    model.closeAllConnections();
    model.close();
  });
  const { sandbox } = await localMachine();
  await sandbox.writeFile(`${sandbox.paths.tmp}/prompt`, "say hello\n");
  const stop = new AbortController();
  const since = performance.now();
  const running = sandbox.exec({
    argv: ["claude", "-p", "--output-format", "stream-json", "--verbose", "--dangerously-skip-permissions"],
    env: (gatewayUrl) => ({
      ANTHROPIC_BASE_URL: gatewayUrl,
      ANTHROPIC_API_KEY: "turn-token",
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
      DISABLE_AUTOUPDATER: "1",
      IS_SANDBOX: "1",
    }),
    stdinPath: `${sandbox.paths.tmp}/prompt`,
    gatewaySocket,
    timeoutMs: 25_000,
    signal: stop.signal,
  });
  const outcome = await Promise.race([asked.promise, running]);
  expect(outcome).toMatchObject({ key: "turn-token" });
  const asking = performance.now() - since;
  stop.abort();
  const result = await running;
  // SIGINT alone was enough: neither 143 of SIGTERM nor a kill.
  expect(result).toMatchObject({ aborted: true, timedOut: false, signal: null });
  expect([0, 1, 130]).toContain(result.exitCode);
  expect(performance.now() - since - asking).toBeLessThan(2_000);
});
