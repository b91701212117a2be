import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { request, type IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { z } from "zod";
import { openDatabase } from "../db/client.ts";
import { migrateUp } from "../db/migrate.ts";
import { startEmbeddedPostgres } from "../src/embedded-postgres.ts";
import { createTurn, modelKey, smallCall, startGateway } from "../test/gateway/fixture.ts";
import { startModel } from "../test/standins/model/start-model.ts";

/**
 * What the gateway adds to a stream: ten streams of 200 events a second each, straight from a model stand-in and
 * through the gateway in turns, with the stand-in and the gateway in threads of their own. Prints one JSON object.
 */
const streams = 10;
const eventsPerSecond = 200;
const secondsPerRound = 3;
const rounds = 4;
const rawBytes = 64 * 1024 * 1024;

const threadInput = z.discriminatedUnion("role", [
  z.object({ role: z.literal("model") }),
  z.object({ role: z.literal("gateway"), databaseUrl: z.string(), baseUrl: z.string() }),
]);
const threadReady = z.object({ address: z.string() });

type Endpoint = { name: "direct" | "through"; socketPath?: string; port?: number; keys: readonly string[] };
type Round = { latenciesMs: number[]; firstByteMs: number[]; events: number };

if (isMainThread) await main();
else await runThread(threadInput.parse(workerData));

async function main(): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), "bench-gateway-"));
  const postgres = await startEmbeddedPostgres({ dataDir });
  await migrateUp(postgres.url);
  const database = openDatabase({ url: postgres.url });
  const turns = Array.from({ length: streams }, () => createTurn(database, { budgetMicroUsd: 1e12 }));
  const keys = (await Promise.all(turns)).map(({ token }) => token);
  const model = await startThread({ role: "model" });
  const gateway = await startThread({ role: "gateway", databaseUrl: postgres.url, baseUrl: model.address });
  const direct: Endpoint = { name: "direct", port: Number(new URL(model.address).port), keys: [modelKey] };
  const through: Endpoint = { name: "through", socketPath: gateway.address, keys };
  try {
    const figures = await measure(direct, through);
    process.stdout.write(`${JSON.stringify(figures, null, 2)}\n`);
  } finally {
    for (const thread of [gateway, model]) {
      thread.worker.postMessage("stop");
      await once(thread.worker, "exit");
    }
    await database.close();
    await postgres.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}

async function measure(direct: Endpoint, through: Endpoint) {
  const taken: Record<Endpoint["name"], Round[]> = { direct: [], through: [] };
  const raw: Record<Endpoint["name"], number[]> = { direct: [], through: [] };
  await runRound(direct);
  await runRound(through);
  for (let round = 0; round < rounds; round += 1) {
    for (const endpoint of round % 2 === 0 ? [direct, through] : [through, direct]) {
      taken[endpoint.name].push(await runRound(endpoint));
      raw[endpoint.name].push(await runRaw(endpoint));
    }
  }
  const both = (of: (rounds: Round[]) => number) => ({
    direct: of(taken.direct),
    through: of(taken.through),
  });
  const p50 = both((each) => median(each.map((round) => median(round.latenciesMs))));
  const p99 = both((each) => median(each.map((round) => quantile(round.latenciesMs, 0.99))));
  const firstByte = both((each) => median(each.map((round) => median(round.firstByteMs))));
  const events = both((each) => median(each.map((round) => round.events)));
  const rates = { direct: median(raw.direct), through: median(raw.through) };
  return {
    "gateway.added_p50_ms": { value: p50.through - p50.direct, ...p50 },
    "gateway.events_vs_direct": { value: events.through / events.direct, ...events },
    "gateway.added_p99_ms": { value: p99.through - p99.direct, ...p99 },
    "gateway.added_first_byte_ms": { value: firstByte.through - firstByte.direct, ...firstByte },
    "gateway.raw_mb_per_s_vs_direct": { value: rates.through / rates.direct, ...rates },
  };
}

/** All streams at once, each of a task of its own. An event counts when it came in the time that the events were made in. */
async function runRound(endpoint: Endpoint): Promise<Round> {
  const round: Round = { latenciesMs: [], firstByteMs: [], events: 0 };
  await Promise.all(Array.from({ length: streams }, (_, stream) => readStream(endpoint, round, stream)));
  return round;
}

async function readStream(endpoint: Endpoint, round: Round, stream: number): Promise<void> {
  const askedAt = performance.now();
  const response = await ask(endpoint, "paced", stream);
  const startedAt = performance.now();
  round.firstByteMs.push(startedAt - askedAt);
  let rest = "";
  for await (const chunk of response as AsyncIterable<Buffer>) {
    const now = process.hrtime.bigint();
    const inTime = performance.now() <= startedAt + secondsPerRound * 1_000;
    const lines = (rest + chunk.toString("latin1")).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const sentAt = /"text":"(\d+) /.exec(line)?.[1];
      if (sentAt === undefined) continue;
      round.latenciesMs.push(Number(now - BigInt(sentAt)) / 1e6);
      if (inTime) round.events += 1;
    }
  }
}

/** As fast as it goes; MB/s. */
async function runRaw(endpoint: Endpoint): Promise<number> {
  const startedAt = performance.now();
  let bytes = 0;
  for await (const chunk of (await ask(endpoint, "raw")) as AsyncIterable<Buffer>) bytes += chunk.length;
  if (bytes < rawBytes) throw new Error(`Expected ${rawBytes} bytes, got ${bytes}`);
  return bytes / 1e6 / ((performance.now() - startedAt) / 1_000);
}

async function ask(endpoint: Endpoint, what: "paced" | "raw", stream = 0): Promise<IncomingMessage> {
  const outgoing = request({
    host: "127.0.0.1",
    ...(endpoint.socketPath === undefined ? { port: endpoint.port } : { socketPath: endpoint.socketPath }),
    path: "/v1/messages",
    method: "POST",
    agent: false,
    headers: {
      "content-type": "application/json",
      "anthropic-version": "2023-06-01",
      "x-api-key": endpoint.keys[stream % endpoint.keys.length],
    },
  });
  outgoing.end(JSON.stringify({ ...smallCall, messages: [{ role: "user", content: what }] }));
  const [response] = (await once(outgoing, "response")) as [IncomingMessage];
  if (response.statusCode !== 200)
    throw new Error(`Expected 200 of ${endpoint.name}, got ${String(response.statusCode)}`);
  return response;
}

function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}

function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

async function startThread(input: z.infer<typeof threadInput>): Promise<{ worker: Worker; address: string }> {
  const worker = new Worker(new URL(import.meta.url), { workerData: input });
  const [ready] = (await once(worker, "message")) as [unknown];
  return { worker, address: threadReady.parse(ready).address };
}

async function runThread(input: z.infer<typeof threadInput>): Promise<void> {
  const started = input.role === "model" ? await startPacedModel() : await startGatewayThread(input);
  parentPort?.postMessage({ address: started.address });
  parentPort?.once("message", () => {
    void started.close().then(() => parentPort?.close());
  });
}

async function startPacedModel() {
  const model = await startModel({
    keys: [modelKey],
    scenario: ({ prompt }) => ({ kind: "bytes", chunks: prompt === "raw" ? rawChunks() : pacedEvents() }),
  });
  return { address: model.url, close: () => model.close() };
}

async function* pacedEvents(): AsyncGenerator<Buffer> {
  const startedAt = performance.now();
  for (let sent = 0; sent < secondsPerRound * eventsPerSecond; sent += 1) {
    const dueInMs = startedAt + (sent * 1_000) / eventsPerSecond - performance.now();
    if (dueInMs > 0) await delay(dueInMs);
    yield toEvent(`${process.hrtime.bigint()} some words of an answer`);
  }
}

function* rawChunks(): Generator<Buffer> {
  const chunk = Buffer.concat(Array.from({ length: 64 }, () => toEvent("x".repeat(900))));
  for (let sent = 0; sent < rawBytes; sent += chunk.length) yield chunk;
}

function toEvent(text: string): Buffer {
  const data = { type: "content_block_delta", index: 0, delta: { type: "text_delta", text } };
  return Buffer.from(`event: content_block_delta\ndata: ${JSON.stringify(data)}\n\n`);
}

async function startGatewayThread({ databaseUrl, baseUrl }: { databaseUrl: string; baseUrl: string }) {
  const database = openDatabase({ url: databaseUrl });
  const gateway = await startGateway(database, { baseUrl });
  return {
    address: gateway.socketPath,
    close: async () => {
      await gateway.close();
      await database.close();
    },
  };
}
