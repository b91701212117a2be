import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { sql } from "drizzle-orm";
import { expect, onTestFinished, test } from "vitest";
import { withOwner } from "../../db/owner-connection.ts";
import type { Canary } from "../support/canaries.ts";
import { createTestDatabase } from "../support/database.ts";
import { readDatabase } from "../support/read-database.ts";
import { readFolder } from "../support/read-folder.ts";
import { scanForSecrets, type Finding } from "../support/secret-scan.ts";
import { tapRequests } from "../support/tap-requests.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { untilTrue } from "../support/until-true.ts";
import { watchProcesses } from "../support/watch-processes.ts";

const value = 'c4n4ry/"Q7\\+vT-9zKp2mX~wL8eR5yB1';
const canary: Canary = { name: "canary", kind: "bot", value };
const bytes = Buffer.from(value);
const places = (findings: readonly Finding[]) =>
  [...new Set(scanForSecrets([canary], findings).map(({ place }) => place))].sort();
const isFound = (content: Buffer | string) =>
  places([{ place: "here", bytes: Buffer.from(content) }]).length === 1;

const encoded = (encoding: BufferEncoding, before = "") =>
  Buffer.from(`${before}${value}and after`).toString(encoding);
const forms: Record<string, Buffer | string> = {
  raw: `before ${value} after`,
  "the first 16 characters": `x${value.slice(0, 16)}x`,
  "16 from the middle": `x${value.slice(7, 23)}x`,
  base64: encoded("base64"),
  "base64 one character later": encoded("base64", "a"),
  "base64 two characters later": encoded("base64", "ab"),
  base64url: encoded("base64url", "ab"),
  hex: encoded("hex"),
  "upper hex": encoded("hex").toUpperCase(),
  "percent escapes": encodeURIComponent(value),
  "percent escapes of every byte": Array.from(bytes, (byte) => `%${byte.toString(16)}`).join(""),
  JSON: JSON.stringify({ value }),
  reversed: Array.from(value).reverse().join(""),
  "reversed in base64": Buffer.from(Array.from(value).reverse().join("")).toString("base64"),
  UTF16: Buffer.from(value, "utf16le"),
  gzip: gzipSync(value),
  zlib: deflateSync(`blob 31\0${value}`),
  "zlib in the middle of a file": Buffer.concat([Buffer.from("PACK"), deflateSync(value), Buffer.from("xx")]),
  zstd: zstdCompressSync(value),
  "zstd in the middle of a file": Buffer.concat([
    Buffer.from("row"),
    zstdCompressSync(value.repeat(9)),
    Buffer.from("xx"),
  ]),
  "gzip of gzip": gzipSync(gzipSync(value)),
  "gzip behind base64": `data: ${gzipSync(value).toString("base64")}`,
};

test.each(Object.entries(forms))("a secret is found: %s", (_name, content) => {
  expect(isFound(content)).toBe(true);
});

test("what is no secret is not found", () => {
  expect(isFound(`${value.slice(0, 15)} ${value.slice(17)}`.slice(0, 31))).toBe(false);
  expect(isFound(execFileSync("git", ["--exec-path"]))).toBe(false);
});

test("in files, names, links, and objects, packs and bundles of git", async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, "file"), value);
  await writeFile(join(folder, "nothing"), "nothing");
  await symlink(value, join(folder, "link"));
  await mkdir(join(folder, ".hidden"));
  await writeFile(join(folder, ".hidden", value.replaceAll("/", "").slice(6)), "nothing");
  const git = (...args: string[]) =>
    execFileSync("git", ["-c", "user.name=a", "-c", "user.email=a@b", ...args], {
      cwd: join(folder, "repo"),
    });
  await mkdir(join(folder, "repo"));
  git("init", "--quiet");
  await writeFile(join(folder, "repo", "later-removed"), value);
  git("add", "--all");
  git("commit", "--quiet", "--message", "a");
  git("rm", "--quiet", "later-removed");
  git("commit", "--quiet", "--message", "b");
  const loose = places(await readFolder("at", folder));
  expect(loose).toContainEqual(expect.stringMatching(/^at: repo\/\.git\/objects\/../));
  expect(loose.filter((place) => !place.includes("/.git/"))).toEqual([
    expect.stringMatching(/^at: \.hidden\//),
    "at: file",
    "at: link",
  ]);
  git("bundle", "create", "--quiet", "../work.bundle", "HEAD");
  git("repack", "-a", "-d", "--quiet");
  const packed = places(await readFolder("at", folder));
  expect(packed).toContainEqual(expect.stringMatching(/^at: repo\/\.git\/objects\/pack\/.*\.pack$/));
  expect(packed).toContain("at: work.bundle");
});

test("in every kind of column", async () => {
  const database = await createTestDatabase({ empty: true });
  onTestFinished(() => database.close());
  const { url } = database;
  await withOwner(url, async (db) => {
    await db.execute(sql`create schema other`);
    await db.execute(sql`create table other.texts (a text)`);
    await db.execute(sql`create table documents (a jsonb)`);
    await db.execute(sql`create table raw (a bytea)`);
    await db.execute(sql`create table packed (a bytea, b text)`);
    await db.execute(sql`create table clean (a text)`);
    await db.execute(sql`insert into other.texts values (${value})`);
    await db.execute(sql`insert into documents values (${JSON.stringify({ deep: [value] })})`);
    await db.execute(sql`insert into raw values (decode(${bytes.toString("hex")}, 'hex'))`);
    await db.execute(
      sql`insert into packed values (decode(${deflateSync(value).toString("hex")}, 'hex'), '')`,
    );
    await db.execute(sql`insert into clean values ('nothing')`);
  });
  expect(places(await readDatabase(url))).toEqual([
    "database other.texts",
    "database public.documents",
    "database public.packed",
    "database public.raw",
  ]);
});

test("in argv and environment of a process below this one", async () => {
  const watch = watchProcesses();
  onTestFinished(watch.stop);
  for (const [args, env] of [
    [["30", value], {}],
    [["30"], { SECRET: value }],
  ] as const) {
    const child = spawn("/bin/sh", ["-c", "sleep $0", ...args], { env: { PATH: "/usr/bin:/bin", ...env } });
    onTestFinished(() => void child.kill());
  }
  await untilTrue(() => places(watch.findings).length >= 3);
  expect(places(watch.findings)).toEqual(
    expect.arrayContaining(["argv in host: sh", "environ in host: sh", "environ in host: sleep"]),
  );
});

test("in what a server of this process is sent", async () => {
  const tap = tapRequests();
  onTestFinished(tap.stop);
  const server = createServer((request, response) => {
    void buffer(request).then((body) => response.end(String(body.length)));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  const big = Buffer.concat([Buffer.alloc(2 ** 20, "."), bytes]);
  const answer = await fetch(`${url}/?q=${encodeURIComponent(value)}`, {
    method: "POST",
    headers: { "x-secret": bytes.toString("hex") },
    body: big,
  });
  expect(await answer.text()).toBe(String(big.length));
  const [request] = tap.requests.filter((each) => each.port === port);
  if (request === undefined) throw new Error("expected a request");
  expect(isFound(request.url)).toBe(true);
  expect(isFound(String(request.headers["x-secret"]))).toBe(true);
  expect(isFound(request.body())).toBe(true);
});
