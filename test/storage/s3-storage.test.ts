import { readFile, truncate } from "node:fs/promises";
import { createServer } from "node:http";
import { once } from "node:events";
import { createServer as createNetServer, type AddressInfo, type Socket } from "node:net";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { TransientError, UserError } from "../../src/errors.ts";
import { explainS3Fault } from "../../src/storage/explain-s3-fault.ts";
import { S3Fault } from "../../src/storage/s3-fault.ts";
import { createS3Storage } from "../../src/storage/s3-storage.ts";
import type { Storage } from "../../src/storage/storage.ts";
import type { S3Failure } from "../standins/s3/s3-faults.ts";
import type { S3Options, S3Standin } from "../standins/s3/start-s3.ts";
import { untilTrue } from "../support/until-true.ts";
import { hasty, keepLog, listKeys, openDesk, setUpS3, tellAll } from "./storage-stage.ts";

async function setUp(options: S3Options = {}, patience = hasty) {
  return { ...(await setUpS3(options, patience)), ...(await openDesk()) };
}

type Stage = Awaited<ReturnType<typeof setUp>>;

/** One call of each kind, as a caller would make it, with what it must come to. */
const calls = {
  PUT: async ({ storage, file }: Stage) =>
    expect(await storage.put("a", await file("new"))).toEqual({ bytes: 3 }),
  GET: async ({ storage, target }: Stage) => {
    expect(await storage.get("kept", target)).toEqual({ bytes: 9 });
    expect(await readFile(target, "utf8")).toBe("as it was");
  },
  DELETE: async ({ storage }: Stage) => await storage.remove("kept"),
  LIST: async ({ storage }: Stage) => expect(await listKeys(storage, "")).toEqual(["kept"]),
};

type Effect =
  | { status: number; code: string; headers?: Record<string, string> }
  | { status: number; body: string }
  | { reset: true };

const passing: Record<string, Effect> = {
  "500": { status: 500, code: "InternalError" },
  "503": { status: 503, code: "SlowDown" },
  "502 of a proxy": { status: 502, body: "<html>Bad Gateway</html>" },
  "429": { status: 429, code: "TooManyRequests" },
  "a slow upload": { status: 400, code: "RequestTimeout" },
  "a lost connection": { reset: true },
};

const cases = Object.entries(passing).flatMap(([name, effect]) =>
  (["before", "after"] as const).flatMap((when) =>
    (["PUT", "GET", "DELETE", "LIST"] as const).map((method) => [name, when, method, effect] as const),
  ),
);

test.each(cases)("%s %s the effect of %s: tried again, once in effect", async (_, when, method, effect) => {
  const stage = await setUp();
  const { s3, storage, file, lines } = stage;
  await storage.put("kept", await file("as it was"));
  const before = s3.requests.length;
  s3.fault({ method, when, ...effect });
  await calls[method](stage);
  expect(s3.requests.slice(before).map((request) => request.method)).toEqual([method, method]);
  const kept = { PUT: ["a", "kept"], GET: ["kept"], DELETE: [], LIST: ["kept"] };
  expect([...s3.objects().keys()].sort()).toEqual(kept[method]);
  expect(lines).toHaveLength(1);
});

test.each(["PUT", "GET", "DELETE", "LIST"] as const)(
  "%s gives up after four tries, as something that may pass",
  async (method) => {
    const stage = await setUp();
    const { s3, storage, file, target, lines, leftovers } = stage;
    await storage.put("kept", await file("as it was"));
    s3.fault({
      method,
      when: "before",
      status: 503,
      code: "SlowDown",
      headers: { "retry-after": "0" },
      times: 100,
    });
    const before = s3.requests.length;
    const attempts: Record<typeof method, () => Promise<unknown>> = {
      PUT: async () => storage.put("a", await file("new")),
      GET: () => storage.get("kept", target),
      DELETE: () => storage.remove("kept"),
      LIST: () => listKeys(storage, ""),
    };
    const error: unknown = await attempts[method]().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(TransientError);
    expect(error).toMatchObject({
      message: `The checkpoint storage at ${s3.url.slice(7)} is away (HTTP 503 SlowDown).`,
      retryAfterMs: 0,
    });
    expect(s3.requests.length - before).toBe(4);
    expect(lines).toHaveLength(3);
    expect(await leftovers()).toEqual([]);
  },
);

test("a service that is not there is away, and may come back", async () => {
  const { s3, storage, file, target } = await setUp();
  await storage.put("a", await file("x"));
  await s3.close();
  const away = {
    name: "TransientError",
    message: `The checkpoint storage at ${s3.url.slice(7)} is away (ECONNREFUSED).`,
  };
  await expect(storage.put("b", await file("x"))).rejects.toMatchObject(away);
  await expect(storage.get("a", target)).rejects.toMatchObject(away);
  await expect(storage.remove("a")).rejects.toMatchObject(away);
  await expect(listKeys(storage, "")).rejects.toMatchObject(away);
  const { port } = new URL(s3.url);
  const again = await setUpS3({ ...s3, port: Number(port), objects: s3.objects() });
  expect(await storage.get("a", target)).toEqual({ bytes: 1 });
  expect(again.s3.requests).toHaveLength(1);
});

test("a service that stands still is away", async () => {
  const { s3, storage, file, target } = await setUp({}, { attempts: 2, firstPauseMs: 1, stallMs: 300 });
  await storage.put("a", await file("x"));
  s3.fault({ when: "after", hang: true, times: 2 });
  await expect(storage.get("a", target)).rejects.toMatchObject({
    name: "TransientError",
    message: expect.stringContaining("is away (ETIMEDOUT)") as unknown,
  });
});

test("a download that breaks off is begun anew, and never half there", async () => {
  const { s3, storage, file, target, leftovers } = await setUp();
  const content = Buffer.alloc(3_000_000, "some bytes ");
  await storage.put("a", await file(content));
  s3.fault({ method: "GET", when: "after", cutAfterBytes: 1_000_000 });
  expect(await storage.get("a", target)).toEqual({ bytes: content.length });
  expect((await readFile(target)).equals(content)).toBe(true);
  s3.fault({ method: "GET", when: "after", cutAfterBytes: 1_000_000, times: 100 });
  await expect(storage.get("a", join(target, "../other"))).rejects.toThrow(TransientError);
  expect(await leftovers()).toEqual(["target"]);
});

const wrong: [string, (s3: S3Standin) => Partial<S3Standin>, string, string][] = [
  [
    "a key nobody has",
    () => ({ accessKeyId: "AKIAOTHER" }),
    "storage-key-refused",
    "CHECKPOINT_S3_ACCESS_KEY_ID",
  ],
  [
    "a wrong secret",
    () => ({ secretAccessKey: "other" }),
    "storage-key-refused",
    "CHECKPOINT_S3_ACCESS_KEY_ID",
  ],
  [
    "a bucket that is not there",
    (s3) => ({ url: `${s3.url}-2` }),
    "storage-bucket-missing",
    "CHECKPOINT_S3_URL",
  ],
  ["a wrong region", () => ({ region: "mars-1" }), "storage-region-wrong", "CHECKPOINT_S3_REGION"],
];

test.each(wrong)("%s is the operator's to mend, and asked but once", async (_, change, code, variable) => {
  const { s3, log, file, target } = await setUp();
  const storage = createS3Storage({ ...s3, ...change(s3) }, { log, patience: hasty });
  const refused = { name: "UserError", code, remedy: expect.stringContaining(variable) as unknown };
  await expect(storage.put("a", await file("x"))).rejects.toMatchObject(refused);
  await expect(storage.get("a", target)).rejects.toMatchObject(refused);
  await expect(storage.remove("a")).rejects.toMatchObject(refused);
  await expect(listKeys(storage, "")).rejects.toMatchObject(refused);
  expect(s3.requests).toHaveLength(4);
});

test("a refusal is understood also when the service hangs up in the middle of a large upload", async () => {
  const { s3, log, file } = await setUp();
  const large = await file("");
  await truncate(large.path, 64 * 2 ** 20);
  const storage = createS3Storage({ ...s3, secretAccessKey: "other" }, { log, patience: hasty });
  await expect(storage.put("a", large)).rejects.toMatchObject({ code: "storage-key-refused" });
});

test("a connection that breaks at every upload is asked for its reason once", async () => {
  const { s3, log, file } = await setUp();
  const storage = createS3Storage({ ...s3, secretAccessKey: "other" }, { log, patience: hasty });
  s3.fault({ method: "PUT", when: "before", reset: true, times: 4 });
  await expect(storage.put("a", await file("x"))).rejects.toMatchObject({ code: "storage-key-refused" });
  expect(s3.requests.map(({ method }) => method)).toEqual(["PUT", "PUT", "PUT", "PUT", "LIST"]);
});

test("a clock that is off is said to be", async () => {
  const { storage, target } = await setUp({ now: () => new Date(Date.now() + 3_600_000) });
  await expect(storage.get("a", target)).rejects.toMatchObject({ code: "storage-clock-wrong" });
});

test.each<[S3Failure, string]>([
  [{ when: "before", status: 403, code: "AccessDenied" }, "storage-access-denied"],
  [{ when: "before", status: 404, body: "<html>no such page</html>" }, "storage-not-s3"],
  [
    { when: "before", status: 301, code: "PermanentRedirect", headers: { location: "http://127.0.0.1:1/" } },
    "storage-region-wrong",
  ],
  [{ when: "before", status: 400, code: "EntityTooLarge" }, "storage-object-too-large"],
])("%j is %s, and never an absent object", async (failure, code) => {
  const { s3, storage, target } = await setUp();
  s3.fault(failure);
  await expect(storage.get("a", target)).rejects.toMatchObject({ name: "UserError", code });
});

test.each([
  "CERT_HAS_EXPIRED",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "ERR_TLS_CERT_ALTNAME_INVALID",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
])("%s will not pass by itself", (code) => {
  const cause = Object.assign(new Error("as the system says"), { code });
  const fault = new S3Fault({ status: null, code: null }, { cause });
  const error = explainS3Fault(fault, "host/bucket");
  expect(error).toBeInstanceOf(UserError);
  expect(error).toMatchObject({
    code: "storage-untrusted",
    message: expect.stringContaining(code) as unknown,
  });
});

test("what S3 says that we do not know is an error of the program", () => {
  const error = explainS3Fault(new S3Fault({ status: 412, code: "PreconditionFailed" }, {}), "host/bucket");
  expect(error).not.toBeInstanceOf(UserError);
  expect(error).not.toBeInstanceOf(TransientError);
  expect(error.message).toContain("HTTP 412 PreconditionFailed");
});

test("no credential is in a URL, a log line or an error", async () => {
  const { s3, file, target } = await setUp();
  const { lines, log } = keepLog();
  const told: string[] = [];
  for (const secretAccessKey of [s3.secretAccessKey, "another/secret+key"]) {
    const storage = createS3Storage({ ...s3, secretAccessKey }, { log, patience: hasty });
    s3.fault({ when: "before", status: 500, code: "InternalError", times: 4 });
    for (const attempt of [
      async () => storage.put("a", await file("x")),
      () => storage.get("a", target),
      () => listKeys(storage, ""),
      () => storage.remove("a"),
    ]) {
      await attempt().catch((error: unknown) => told.push(tellAll(error)));
    }
    s3.fault({ when: "before", reset: true, times: 5 });
    await storage.put("a", await file("x")).catch((error: unknown) => told.push(tellAll(error)));
  }
  const everything = JSON.stringify([told, lines]);
  expect(told.length).toBeGreaterThan(2);
  for (const secret of [
    s3.accessKeyId,
    s3.secretAccessKey,
    "another/secret+key",
    "AWS4-HMAC",
    "StringToSign",
  ]) {
    expect(everything).not.toContain(secret);
  }
  expect(s3.requests.filter(({ url }) => /signature|credential|AKIA/i.test(url))).toEqual([]);
});

test("objects of others in the bucket are not ours to see", async () => {
  const { s3, storage, file } = await setUp({ pageSize: 2 });
  await storage.put("a/b", await file("x"));
  const other = { body: Buffer.from("x"), modifiedAt: new Date() };
  for (const key of ["A", "a.b", "a/", "a&<b>", "ä/\u{1f600}", " ", "a//b"]) s3.objects().set(key, other);
  expect(await listKeys(storage, "")).toEqual(["a/b"]);
  expect(await listKeys(storage, "a")).toEqual(["a/b"]);
});

test("a source that is cut while it is sent is an error, and not tried again", async () => {
  const { file } = await openDesk();
  const large = await file("");
  await truncate(large.path, 64 * 2 ** 20);
  const sockets: Socket[] = [];
  const server = createNetServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => undefined).once("data", () => socket.pause());
  }).listen(0, "127.0.0.1");
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/bucket`;
  const config = { url, region: "x", accessKeyId: "k", secretAccessKey: "s" };
  const stored = createS3Storage(config, { ...keepLog(), patience: hasty }).put("a", large);
  const failed = expect(stored).rejects.toThrow("it changed while it was read");
  await untilTrue(() => sockets[0]?.isPaused() === true);
  await truncate(large.path, 1000);
  sockets[0]?.resume();
  await failed;
  expect(sockets).toHaveLength(1);
});

test.each([
  "",
  "no url",
  "https://host",
  "https://host/",
  "https://host/bucket/folder",
  "https://host//bucket",
  "https://user:password@host/bucket",
  "https://:password@host/bucket",
  "https://host/bucket?x=1",
  "https://host/bucket#x",
  "ftp://host/bucket",
  "file:///bucket",
  "https://host/..%2f",
  "https://host/b%20c",
])("%j is no bucket's address, and is not repeated", (url) => {
  const create = () =>
    createS3Storage({ url, region: "x", accessKeyId: "k", secretAccessKey: "s" }, keepLog());
  expect(create).toThrow(
    expect.objectContaining({ name: "UserError", code: "storage-url-invalid" }) as Error,
  );
  expect(create).not.toThrow(/password/);
});

/** Answers anything with one text, as no S3 service would. */
async function startStranger(body: string): Promise<{ storage: Storage; count: () => number }> {
  let count = 0;
  const server = createServer((_, response) => {
    count += 1;
    response.writeHead(200, { "content-type": "text/html" }).write(body);
    response.end();
  }).listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/bucket`;
  const config = { url, region: "x", accessKeyId: "k", secretAccessKey: "s" };
  return { storage: createS3Storage(config, { ...keepLog(), patience: hasty }), count: () => count };
}

const page = (inner: string) => `<ListBucketResult>${inner}</ListBucketResult>`;
const entry = (key: string, size = "1", modified = "2024-01-01T00:00:00.000Z") =>
  `<Contents><Key>${key}</Key><LastModified>${modified}</LastModified><Size>${size}</Size></Contents>`;

test.each([
  ["a page of HTML", "<html>Welcome</html>"],
  ["nothing", ""],
  ["half a list", page(entry("a")).slice(0, -5)],
  ["a list that does not say whether it ends", page(entry("a"))],
  ["a list that goes on without saying where", page("<IsTruncated>true</IsTruncated>")],
  ["a size that is none", page(`<IsTruncated>false</IsTruncated>${entry("a", "-1")}`)],
  ["a time that is none", page(`<IsTruncated>false</IsTruncated>${entry("a", "1", "yesterday")}`)],
  ["an object without a name", page("<IsTruncated>false</IsTruncated><Contents><Size>1</Size></Contents>")],
])("%s is no list", async (_, body) => {
  const { storage } = await startStranger(body);
  await expect(listKeys(storage, "")).rejects.toThrow();
});

test("a download of a length that nobody announced may be half of one", async () => {
  const { storage } = await startStranger("half of something");
  const { target, leftovers } = await openDesk();
  await expect(storage.get("a", target)).rejects.toMatchObject({
    name: "TransientError",
    message: expect.stringContaining("IncompleteAnswer") as unknown,
  });
  expect(await leftovers()).toEqual([]);
});

test("a list that always goes on from the same place is left", async () => {
  const inner = "<IsTruncated>true</IsTruncated><NextContinuationToken>x</NextContinuationToken>";
  const { storage, count } = await startStranger(page(inner));
  await expect(listKeys(storage, "")).rejects.toThrow("token of the same one");
  expect(count()).toBe(2);
});
