import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { TransientError } from "../../src/errors.ts";
import { downloadAttachment, type DownloadInput } from "../../src/github/attachment-download.ts";
import { attachmentHosts } from "../../src/github/attachment-hosts.ts";

const assetPath = "/user-attachments/assets/0f8fad5b-d9cb-469f-a165-70867728950e";

type Seen = { path: string; authorization: string | undefined; encoding: string | undefined };

async function serve(answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    const { authorization, "accept-encoding": encoding } = request.headers;
    seen.push({ path: request.url ?? "", authorization, encoding: String(encoding) });
    answer(request, response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(async () => {
    server.close();
    server.closeAllConnections();
    await once(server, "close");
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}

const download = (serverUrl: string, more: Partial<DownloadInput> = {}) =>
  downloadAttachment({
    url: serverUrl + assetPath,
    token: null,
    hosts: attachmentHosts(serverUrl),
    maxBytes: 100_000,
    tooLarge: "too large",
    requestTimeoutMs: 10_000,
    signal: new AbortController().signal,
    ...more,
  });

test("a redirect out of GitHub is not followed", async () => {
  const elsewhere = await serve((_request, response) => response.end("secret of the intranet"));
  const server = await serve((_request, response) =>
    response.writeHead(302, { location: `${elsewhere.url}/latest/meta-data` }).end(),
  );
  expect(await download(server.url, { token: "ghs_t" })).toMatchObject({
    kind: "failed",
    reason: expect.stringContaining("leads away from GitHub") as string,
  });
  expect(elsewhere.seen).toEqual([]);
});

test("each further address of a chain is judged too", async () => {
  const elsewhere = await serve((_request, response) => response.end("x"));
  const server = await serve((request, response) => {
    const first = request.url === assetPath;
    const location = first ? assetPath.replace("0f", "1f") : `${elsewhere.url}/`;
    response.writeHead(302, { location }).end();
  });
  expect(await download(server.url)).toMatchObject({ kind: "failed" });
  expect(elsewhere.seen).toEqual([]);
});

test("the token is shown to the first address only, even where the next one is on the same server", async () => {
  const server = await serve((request, response) => {
    if (request.url === assetPath) response.writeHead(302, { location: assetPath.replace("0f", "1f") }).end();
    else response.end("bytes");
  });
  expect(await download(server.url, { token: "ghs_t" })).toMatchObject({ kind: "file" });
  expect(server.seen.map(({ authorization }) => authorization)).toEqual(["token ghs_t", undefined]);
  expect(server.seen.map(({ encoding }) => encoding)).toEqual(["identity", "identity"]);
});

test("the token is not shown to an address that is no attachment's", async () => {
  const server = await serve((_request, response) => response.end("bytes"));
  await download(server.url, { token: "ghs_t", url: `${server.url}/login` });
  expect(server.seen.map(({ authorization }) => authorization)).toEqual([undefined]);
});

test("a sign-in page is a refusal, a circle and a redirect to nowhere are failures", async () => {
  const locations = ["/login?return_to=x", assetPath, "http://[", undefined];
  const kinds = [];
  for (const location of locations) {
    const server = await serve((_request, response) =>
      response.writeHead(302, location === undefined ? {} : { location }).end(),
    );
    kinds.push((await download(server.url)).kind);
    expect(server.seen.length).toBeLessThan(6);
  }
  expect(kinds).toEqual(["refused", "failed", "failed", "failed"]);
});

test("too large a file is not read: by its announced length at once, without one as soon as it is too much", async () => {
  const announced = await serve((_request, response) => {
    response.writeHead(200, { "content-length": 200_000 });
    response.write("x");
  });
  expect(await download(announced.url)).toEqual({ kind: "failed", reason: "too large" });
  let sent = 0;
  const endless = await serve((_request, response) => {
    const more = (): void => {
      while (!response.destroyed && response.write("x".repeat(16_384))) sent += 16_384;
    };
    response.on("drain", more);
    more();
  });
  expect(await download(endless.url)).toEqual({ kind: "failed", reason: "too large" });
  expect(sent).toBeLessThan(20_000_000);
});

test("an answer that grows by decompression is measured as it is written down", async () => {
  const { gzipSync } = await import("node:zlib");
  const server = await serve((_request, response) =>
    response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync("x".repeat(5_000_000))),
  );
  expect(await download(server.url)).toEqual({ kind: "failed", reason: "too large" });
});

test("a video is given up after its beginning", async () => {
  const head = Buffer.alloc(8_192);
  Buffer.from([0, 0, 0, 24]).copy(head);
  head.write("ftypisom", 4);
  const server = await serve((_request, response) => response.write(head));
  expect(await download(server.url)).toMatchObject({
    kind: "failed",
    reason: expect.stringContaining("mp4") as string,
  });
});

test.each([400, 401, 403, 404, 410])("%s is a refusal", async (status) => {
  const server = await serve((_request, response) => response.writeHead(status).end());
  expect(await download(server.url)).toEqual({ kind: "refused", status });
});

test("429 and 5xx may pass, with the pause that was asked for; anything else is final", async () => {
  const busy = await serve((_request, response) => response.writeHead(429, { "retry-after": "3" }).end());
  await expect(download(busy.url)).rejects.toMatchObject({ name: "TransientError", retryAfterMs: 3_000 });
  const down = await serve((_request, response) => response.writeHead(503).end());
  await expect(download(down.url)).rejects.toThrow(TransientError);
  const odd = await serve((_request, response) => response.writeHead(206).end("x"));
  expect(await download(odd.url)).toEqual({ kind: "failed", reason: "GitHub answered 206" });
});

test("a connection that breaks, before or in the middle, may pass", async () => {
  const before = await serve((request) => request.socket.resetAndDestroy());
  await expect(download(before.url)).rejects.toThrow(TransientError);
  const middle = await serve((request, response) => {
    response.writeHead(200, { "content-length": 1_000 });
    response.write("x", () => request.socket.resetAndDestroy());
  });
  await expect(download(middle.url)).rejects.toThrow(TransientError);
});

test("silence may pass, and ends after its time", async () => {
  const server = await serve(() => undefined);
  await expect(download(server.url, { requestTimeoutMs: 100 })).rejects.toThrow("no answer in time");
});

test("the task's end ends it, with the task's reason", async () => {
  const end = new AbortController();
  const reason = new Error("the task was stopped");
  const server = await serve(() => end.abort(reason));
  await expect(download(server.url, { signal: end.signal })).rejects.toBe(reason);
});
