import { spawn, type ChildProcess } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Client } from "pg";
import { z } from "zod";
import { migrateUp } from "../db/migrate.ts";
import { startEmbeddedPostgres } from "../src/embedded-postgres.ts";
import { installQueue } from "../src/queue/queue.ts";
import { commentBody, sampleBody } from "../test/webhooks/sample-bodies.ts";
import { load, toShot, type LoadResult, type Shot } from "./intake/load.ts";

/**
 * The webhook intake beside stock Probot and beside bare node:http, in turns on one PostgreSQL with its ordinary,
 * durable settings. Prints one JSON object; a ratio is one of medians. It fails when an answered delivery is not stored.
 */
const rounds = 5;
const secondsPerRound = 3;
const connections = 32;

const secret = "the secret of the intake benchmark";
const privateKey = generateKeyPairSync("rsa", {
  modulusLength: 2048,
  privateKeyEncoding: { type: "pkcs1", format: "pem" },
  publicKeyEncoding: { type: "spki", format: "pem" },
}).privateKey;

const contestants = ["intake", "bare", "probot", "probot-insert"] as const;
type Contestant = (typeof contestants)[number];

const folder = await mkdtemp(join(tmpdir(), "bench-intake-"));
const database = await startEmbeddedPostgres({ dataDir: folder });
const children: ChildProcess[] = [];
try {
  await migrateUp(database.url, { afterUp: installQueue });
  const owner = new Client({ connectionString: database.url });
  await owner.connect();
  await owner.query("create table baseline_delivery (id text primary key, event text, payload jsonb)");
  const urls = new Map<Contestant, string>();
  for (const name of contestants) urls.set(name, await start(name));
  const figures = await measure(urls, owner);
  await owner.end();
  process.stdout.write(`${JSON.stringify(figures, null, 2)}\n`);
} finally {
  for (const child of children) if (child.kill("SIGTERM")) await once(child, "exit");
  await database.stop();
  await rm(folder, { recursive: true, force: true });
}

async function start(name: Contestant): Promise<string> {
  const script = name === "intake" ? "../src/server.ts" : "./intake/baseline.ts";
  const child = spawn(
    process.execPath,
    [...process.execArgv, fileURLToPath(new URL(script, import.meta.url))],
    {
      env: {
        PATH: process.env.PATH,
        KIND: name,
        APP_ID: "1",
        PRIVATE_KEY: privateKey,
        WEBHOOK_SECRET: secret,
        DATABASE_URL: database.url,
        HOST: "127.0.0.1",
        PORT: "0",
      },
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  children.push(child);
  for await (const line of createInterface({ input: child.stdout })) {
    const { url } = z.object({ url: z.string().optional() }).parse(JSON.parse(line));
    if (url === undefined) continue;
    child.stdout.resume();
    return url;
  }
  throw new Error(`${name} ended before it listened`);
}

async function measure(urls: Map<Contestant, string>, owner: Client) {
  const ordinary = toShot(Buffer.from(JSON.stringify(sampleBody("issue_comment", "created"))), secret);
  const command = (): Shot => toShot(Buffer.from(JSON.stringify(commentBody("/claude fix it"))), secret);
  const shoot = (name: Contestant, options: { connections: number; seconds: number; next?: () => Shot }) =>
    load({ url: urls.get(name) ?? "", next: () => ordinary, ...options });

  for (const name of contestants) await shoot(name, { connections, seconds: 1 });
  await shoot("intake", { connections, seconds: 1, next: command });
  await owner.query("truncate delivery, pgboss.job");
  const taken = new Map<Contestant, LoadResult[]>(contestants.map((name) => [name, []]));
  const commands: LoadResult[] = [];
  const alone: LoadResult[] = [];
  for (let round = 0; round < rounds; round += 1) {
    for (const name of round % 2 === 0 ? contestants : contestants.toReversed()) {
      taken.get(name)?.push(await shoot(name, { connections, seconds: secondsPerRound }));
    }
    commands.push(await shoot("intake", { connections, seconds: secondsPerRound, next: command }));
    alone.push(await shoot("intake", { connections: 1, seconds: 1 }));
    await owner.query("vacuum analyze delivery");
  }
  await expectStored(owner, [...(taken.get("intake") ?? []), ...alone, ...commands], commands);
  return toFigures(taken, commands, alone);
}

/** Every delivery that was answered with 2xx lies in the table, and every command has its job. */
async function expectStored(owner: Client, all: LoadResult[], commands: LoadResult[]): Promise<void> {
  const count = async (what: string) => {
    const { rows } = await owner.query(`select count(*)::int as n from ${what}`);
    return z.tuple([z.object({ n: z.int() })]).parse(rows)[0].n;
  };
  const rows = await count("delivery");
  const jobs = await count("pgboss.job where name = 'intake'");
  const answered = (results: LoadResult[]) =>
    results.reduce((sum, result) => sum + result.answers - result.refused, 0);
  const lost = answered(all) - rows;
  const withoutJob = answered(commands) - jobs;
  if (lost > 0 || withoutJob > 0) {
    throw new Error(
      `answered but not stored: ${lost} deliveries; answered without a job: ${withoutJob} commands`,
    );
  }
}

function toFigures(taken: Map<Contestant, LoadResult[]>, commands: LoadResult[], alone: LoadResult[]) {
  const rate = (results: LoadResult[]) => Math.round(median(results.map(({ perSecond }) => perSecond)));
  const rates = Object.fromEntries(contestants.map((name) => [name, rate(taken.get(name) ?? [])])) as Record<
    Contestant,
    number
  >;
  const latency = (results: LoadResult[], key: "p50Ms" | "p99Ms") =>
    round3(median(results.map((result) => result[key])));
  const refused = [...taken.values(), commands, alone]
    .flat()
    .reduce((sum, result) => sum + result.refused, 0);
  return {
    "intake.rps_vs_probot": round3(rates.intake / rates.probot),
    "intake.rps_vs_probot_insert": round3(rates.intake / rates["probot-insert"]),
    "intake.rps_vs_limit": round3(rates.intake / rates.bare),
    "intake.command_per_s": rate(commands),
    "intake.p50_one_connection_ms": latency(alone, "p50Ms"),
    raw: {
      perSecond: rates,
      intakeP50Ms: latency(taken.get("intake") ?? [], "p50Ms"),
      intakeP99Ms: latency(taken.get("intake") ?? [], "p99Ms"),
      commandP99Ms: latency(commands, "p99Ms"),
      oneConnectionP99Ms: latency(alone, "p99Ms"),
      refused,
      connections,
      rounds,
      secondsPerRound,
    },
  };
}

function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function round3(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}
