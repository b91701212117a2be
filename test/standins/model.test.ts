import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { demoFix } from "./model/demo-fix.ts";
import { answer, use, type Reply, type Scenario } from "./model/reply.ts";
import { answerOnly, fail, floodOutput, inTurn, rewriteHistory, writeFiles } from "./model/scenarios.ts";
import { startModel, type ModelStandin } from "./model/start-model.ts";

const root = join(import.meta.dirname, "../..");
const key = "sk-ant-test";
const resultEvent = z.object({
  type: z.literal("result"),
  is_error: z.boolean(),
  api_error_status: z.number().nullable(),
  result: z.string().optional(),
  usage: z.object({ output_tokens: z.number(), cache_read_input_tokens: z.number() }),
});

let model: ModelStandin;
let folder: string;

beforeEach(async () => {
  model = await startModel({ keys: [key] });
  folder = await mkdtemp(join(tmpdir(), "model-standin-"));
  await cp(join(root, "demo/repository"), join(folder, "repo"), { recursive: true });
});

afterEach(async () => {
  await model.close();
  await rm(folder, { recursive: true, force: true });
});

/** Runs the real Claude Code on the copy of the demo's repository against the stand-in; its exit code and result event. */
async function runClaude(prompt: string, ...more: string[]) {
  const child = spawn(
    join(root, "node_modules/.bin/claude"),
    [
      ...["-p", "--output-format", "stream-json", "--verbose", "--dangerously-skip-permissions"],
      ...["--setting-sources", "user", "--strict-mcp-config", "--add-dir", join(folder, "repo")],
      ...["--model", "claude-sonnet-4-5", "--max-turns", "50", ...more],
    ],
    {
      cwd: join(folder, "repo"),
      env: {
        HOME: folder,
        PATH: `${dirname(process.execPath)}:/usr/bin:/bin`,
        ANTHROPIC_BASE_URL: model.url,
        ANTHROPIC_API_KEY: key,
        IS_SANDBOX: "1",
        DISABLE_AUTOUPDATER: "1",
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
        CLAUDE_CODE_ENABLE_TASKS: "0",
        CLAUDE_CODE_MAX_RETRIES: "1",
      },
    },
  );
  child.stdin.end(prompt);
  const closed = once(child, "close");
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  await closed;
  const lines = stdout.split("\n").filter((line) => line !== "");
  const result = resultEvent.safeParse(JSON.parse(lines.at(-1) ?? "null"));
  if (!result.success) throw new Error(`expected a result event, got: ${stdout}\n${stderr}`);
  return { exitCode: child.exitCode, result: result.data, lines };
}

const tools = ["--tools", "Bash,Edit,Read,Write,TodoWrite"];

test("the real binary repairs the demo's repository, and the usage it reports is what was answered", async () => {
  model.script(demoFix);
  const { exitCode, result } = await runClaude(`Mend it and write \`${folder}/result.md\`.`, ...tools);
  expect({ exitCode, isError: result.is_error }).toEqual({ exitCode: 0, isError: false });
  expect(await readFile(join(folder, "repo/src/slugify.js"), "utf8")).toContain('.normalize("NFD")');
  expect(await readFile(join(folder, "result.md"), "utf8")).toMatch(
    /^Keep accented letters in slugs\n\n## Su/,
  );
  const check = spawn(process.execPath, ["--test"], { cwd: join(folder, "repo"), stdio: "ignore" });
  await once(check, "close");
  expect(check.exitCode).toBe(0);
  const answered = model.requests.flatMap((request) => request.usage ?? []);
  expect(answered).toHaveLength(6);
  expect(result.usage.output_tokens).toBe(answered.reduce((sum, usage) => sum + usage.output_tokens, 0));
  expect(result.usage.cache_read_input_tokens).toBeGreaterThan(10_000);
  expect(model.requests.every((request) => request.key === key && request.finished)).toBe(true);
  expect(model.violations).toEqual([]);
});

test("the agent stops with an explanation when a scripted step does not go as expected", async () => {
  model.script(demoFix);
  await rm(join(folder, "repo/src/slugify.js"));
  const { result } = await runClaude("Mend it.", ...tools);
  expect(result.result).toMatch(/^I stopped because Read failed: .*does not exist/);
});

test("a second prompt of the same conversation gets the second scenario, with the first in its history", async () => {
  model.script(inTurn(writeFiles({ "notes/plan.md": "one\n" }), answerOnly("Done before.")));
  const id = "6f9a8c1e-6d6b-4b8a-9d43-0d2f7c6a1b11";
  await runClaude("Write the plan.", ...tools, "--session-id", id);
  const { result } = await runClaude("And now?", ...tools, "--resume", id);
  expect(await readFile(join(folder, "repo/notes/plan.md"), "utf8")).toBe("one\n");
  expect(result.result).toBe("Done before.");
  expect(model.requests.at(-1)?.rawBody.toString()).toContain("Write the plan.");
  expect(model.violations).toEqual([]);
});

test("history can be rewritten by the agent", async () => {
  model.script(rewriteHistory());
  const git = (...args: string[]) => spawn("git", args, { cwd: join(folder, "repo"), stdio: "ignore" });
  await once(git("init", "--initial-branch", "main"), "close");
  await runClaude("Tidy up.", ...tools);
  const log = spawn("git", ["log", "--format=%s"], { cwd: join(folder, "repo") });
  expect(await text(log.stdout)).toBe("Start over\n");
});

test.each([
  [402, "API Error: 402 Pay first", 1],
  [403, "Failed to authenticate. API Error: 403 Pay first", 1],
  [429, "API Error: Request rejected (429) · Pay first", 2],
  [529, /^API Error: 529 Pay first/, 2],
])("an answer of %i ends the run with its text", async (status, said, calls) => {
  model.script(() => ({ kind: "error", status, type: "billing_error", message: "Pay first" }));
  const { exitCode, result } = await runClaude("Hello", ...tools);
  expect({ exitCode, status: result.api_error_status }).toEqual({ exitCode: 1, status });
  expect(result.result).toEqual(typeof said === "string" ? said : expect.stringMatching(said));
  expect(model.requests).toHaveLength(calls);
});

test.each(["cut", "overloaded"] as const)("a stream that is %s is asked for again", async (how) => {
  let calls = 0;
  model.script(() => {
    calls += 1;
    const reply: Reply & { kind: "message" } = {
      kind: "message",
      blocks: [{ type: "text", text: "There." }],
    };
    return calls === 1 ? { ...reply, fault: { afterEvents: 3, how } } : reply;
  });
  const { result } = await runClaude("Hello", ...tools);
  expect({ text: result.result, calls }).toEqual({ text: "There.", calls: 2 });
});

test("ten megabytes of text come as one line", async () => {
  model.script(floodOutput(10_000_000));
  const { lines } = await runClaude("Hello", ...tools);
  expect(Math.max(...lines.map((line) => line.length))).toBeGreaterThan(10_000_000);
});

const sound = {
  model: "claude-sonnet-4-5",
  max_tokens: 100,
  messages: [{ role: "user", content: "Hi" }],
  tools: [{ name: "Bash", input_schema: {} }],
};

async function post(body: unknown, headers: Record<string, string> = {}, path = "/v1/messages") {
  const response = await fetch(model.url + path, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "anthropic-version": "2023-06-01",
      "x-api-key": key,
      ...headers,
    },
    body: JSON.stringify(body),
  });
  return { status: response.status, text: await response.text() };
}

test("a plain answer is one JSON body, and a repeated prefix is read from the cache", async () => {
  const cached = (content: string) => [
    {
      role: "user",
      content: [{ type: "text", text: content, cache_control: { type: "ephemeral", ttl: "1h" } }],
    },
  ];
  await post({ ...sound, messages: cached("a".repeat(4_000)) });
  await post({ ...sound, messages: cached("a".repeat(4_000)) });
  const [first, second] = model.requests.map((request) => request.usage);
  expect(first?.cache_creation.ephemeral_1h_input_tokens).toBeGreaterThan(1_000);
  expect(second?.cache_read_input_tokens).toBe(first?.cache_creation_input_tokens);
  expect(second?.cache_creation_input_tokens).toBe(0);
});

test("tokens are counted on request, and a bearer token is a key too", async () => {
  const body = { ...sound, max_tokens: undefined };
  const bearer = { authorization: `Bearer ${key}`, "x-api-key": "" };
  const counted = await post(body, bearer, "/v1/messages/count_tokens?beta=true");
  expect(counted).toEqual({ status: 200, text: expect.stringMatching(/^\{"input_tokens":\d+\}$/) as string });
});

test.each([
  ["an unknown field", { ...sound, top_secret: 1 }, {}, 400, "top_secret"],
  ["an unknown header", sound, { "x-unknown": "1" }, 400, "x-unknown"],
  ["another API version", sound, { "anthropic-version": "2022-01-01" }, 400, "2022-01-01"],
  ["no key", sound, { "x-api-key": "" }, 401, "authentication_error"],
  ["another key", sound, { "x-api-key": "sk-ant-other" }, 401, "authentication_error"],
  ["no messages", { ...sound, messages: [] }, {}, 400, "messages"],
  ["a tool twice", { ...sound, tools: [...sound.tools, ...sound.tools] }, {}, 400, "unique"],
  [
    "a tool call without its result",
    {
      ...sound,
      messages: [
        { role: "user", content: "Hi" },
        { role: "assistant", content: [{ type: "tool_use", id: "toolu_1", name: "Bash", input: {} }] },
        { role: "user", content: "Hello?" },
      ],
    },
    {},
    400,
    "toolu_1",
  ],
])("%s is refused by name", async (_name, body, headers, status, named) => {
  const answered = await post(body, headers);
  expect(answered).toEqual({ status, text: expect.stringContaining(named) as string });
  expect(model.violations).toHaveLength(status === 400 ? 1 : 0);
});

test("a route it does not have is a 501 and a violation", async () => {
  expect((await post(sound, {}, "/v1/complete")).status).toBe(501);
  expect(model.violations).toEqual(["unknown route POST /v1/complete"]);
});

test("harness questions without tools do not reach the scenario", async () => {
  const scenario: Scenario = () => answer(use("Bash", { command: "exit 1" }));
  model.script(scenario);
  expect((await post({ ...sound, tools: undefined })).text).toContain("Working on it");
  const titled = await post({
    ...sound,
    tools: undefined,
    output_config: { format: { type: "json_schema" } },
  });
  expect(titled.text).toContain(String.raw`{\"title\":`);
});

test("errors carry the headers they are given", async () => {
  model.script(fail(429, { "retry-after": "7" }));
  const response = await fetch(`${model.url}/v1/messages`, {
    method: "POST",
    headers: { "content-type": "application/json", "anthropic-version": "2023-06-01", "x-api-key": key },
    body: JSON.stringify(sound),
  });
  expect([response.status, response.headers.get("retry-after")]).toEqual([429, "7"]);
  await response.body?.cancel();
});
