import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { openLoopbackForwarder } from "../../src/sandbox/loopback-forwarder.ts";
import { sumTaskUsage } from "../../src/usage/usage-store.ts";
import { demoFix } from "../standins/model/demo-fix.ts";
import { endless } from "../standins/model/scenarios.ts";
import { startModel, type ModelStandin } from "../standins/model/start-model.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { createTurn, modelKey, startGateway, type TestGateway } from "./fixture.ts";

const root = join(import.meta.dirname, "../..");
const resultEvent = z.object({
  is_error: z.boolean(),
  api_error_status: z.number().nullable(),
  total_cost_usd: z.number(),
  result: z.string(),
});

let test_: TestDatabase;
let model: ModelStandin;
let gateway: TestGateway;
let forwarder: Awaited<ReturnType<typeof openLoopbackForwarder>>;
let folder: string;

beforeAll(async () => {
  test_ = await createTestDatabase();
});

afterAll(() => test_.close());

beforeEach(async () => {
  model = await startModel({ keys: [modelKey] });
  gateway = await startGateway(test_.database, { baseUrl: model.url });
  forwarder = await openLoopbackForwarder(gateway.socketPath);
  folder = await mkdtemp(join(tmpdir(), "gateway-claude-"));
  await cp(join(root, "demo/repository"), join(folder, "repo"), { recursive: true });
});

afterEach(async () => {
  await forwarder.close();
  await gateway.close();
  await model.close();
  await rm(folder, { recursive: true, force: true });
});

/** The real Claude Code, with the gateway as all it knows of the world. */
async function runClaude(token: string) {
  const child = spawn(
    join(root, "node_modules/.bin/claude"),
    [
      ...["-p", "--output-format", "stream-json", "--verbose", "--dangerously-skip-permissions"],
      ...["--setting-sources", "user", "--strict-mcp-config", "--add-dir", join(folder, "repo")],
      ...["--model", "claude-sonnet-4-5", "--max-turns", "50", "--tools", "Bash,Edit,Read,Write,TodoWrite"],
    ],
    {
      cwd: join(folder, "repo"),
      env: {
        HOME: folder,
        PATH: `${dirname(process.execPath)}:/usr/bin:/bin`,
        ANTHROPIC_BASE_URL: forwarder.url,
        ANTHROPIC_API_KEY: token,
        HTTP_PROXY: forwarder.url.replace("http://", `http://turn:${token}@`),
        HTTPS_PROXY: forwarder.url.replace("http://", `http://turn:${token}@`),
        NO_PROXY: "127.0.0.1,localhost",
        IS_SANDBOX: "1",
        DISABLE_AUTOUPDATER: "1",
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
        CLAUDE_CODE_ENABLE_TASKS: "0",
      },
    },
  );
  child.stdin.end("Mend it.");
  const closed = once(child, "close");
  const [stdout] = await Promise.all([text(child.stdout), text(child.stderr)]);
  await closed;
  const last: unknown = JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "null");
  return { exitCode: child.exitCode, result: resultEvent.parse(last) };
}

test("the real binary works through the gateway, and both count the same cost", async () => {
  model.script(demoFix);
  const turn = await createTurn(test_.database);
  const { exitCode, result } = await runClaude(turn.token);
  expect({ exitCode, isError: result.is_error }).toEqual({ exitCode: 0, isError: false });
  expect(await readFile(join(folder, "repo/src/slugify.js"), "utf8")).toContain('.normalize("NFD")');
  await gateway.close();
  const usage = await sumTaskUsage(test_.database.db, turn);
  expect(usage.models).toMatchObject([{ model: "claude-sonnet-4-5", calls: 6 }]);
  // Each call is rounded to a whole micro-USD here.
  expect(Math.abs(usage.costMicroUsd - result.total_cost_usd * 1_000_000)).toBeLessThanOrEqual(3);
  expect(model.violations).toEqual([]);
  expect(model.requests.every(({ key }) => key === modelKey)).toBe(true);
  expect(gateway.logged.filter((line) => line.includes("egress"))).toEqual([]);
});

test("a run whose budget is used up ends at once and says so", async () => {
  model.script(endless("true"));
  const turn = await createTurn(test_.database, { budgetMicroUsd: 800_000 });
  const { exitCode, result } = await runClaude(turn.token);
  expect({ exitCode, status: result.api_error_status }).toEqual({ exitCode: 1, status: 402 });
  expect(result.result).toMatch(
    /^API Error: 402 The task's budget is used up: \$0\.\d\d of \$0\.80 is spent/,
  );
  await gateway.close();
  const { costMicroUsd } = await sumTaskUsage(test_.database.db, turn);
  expect(costMicroUsd).toBeGreaterThan(0);
  expect(costMicroUsd).toBeLessThanOrEqual(800_000);
});
