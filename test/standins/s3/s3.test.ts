import { AwsClient } from "aws4fetch";
import { expect, onTestFinished, test } from "vitest";
import { startS3, type S3Options, type S3Standin } from "./start-s3.ts";

const emptySha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const helloSha256 = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

async function setUp(options: S3Options = {}) {
  const s3 = await startS3(options);
  onTestFinished(() => s3.close());
  return { s3, ask: asking(s3) };
}

function asking(s3: S3Standin) {
  const client = new AwsClient({ ...s3, service: "s3", retries: 0 });
  return async (
    method: string,
    path: string,
    init: { body?: string; headers?: Record<string, string> } = {},
  ) => {
    const headers = { "x-amz-content-sha256": emptySha256, ...init.headers };
    const request = await client.sign(`${s3.url}${path}`, { method, ...init, headers });
    // fetch adds it for a text.
    request.headers.delete("content-type");
    const response = await fetch(request);
    return { status: response.status, headers: response.headers, text: await response.text() };
  };
}

const hello = { body: "hello", headers: { "x-amz-content-sha256": helloSha256 } };

test("an object is put, read, looked at, listed and removed", async () => {
  const { s3, ask } = await setUp();
  expect(await ask("PUT", "/a/b", hello)).toMatchObject({ status: 200, text: "" });
  expect(await ask("GET", "/a/b")).toMatchObject({ status: 200, text: "hello" });
  const looked = await ask("HEAD", "/a/b");
  expect([looked.status, looked.text, looked.headers.get("content-length")]).toEqual([200, "", "5"]);
  expect(looked.headers.get("etag")).toBe('"5d41402abc4b2a76b9719d911017c592"');
  expect((await ask("GET", "?list-type=2&prefix=a%2F")).text).toContain("<Key>a/b</Key>");
  expect(await ask("DELETE", "/a/b")).toMatchObject({ status: 204 });
  expect(await ask("DELETE", "/a/b")).toMatchObject({ status: 204 });
  const missing = await ask("GET", "/a/b");
  expect(missing.status).toBe(404);
  expect(missing.text).toContain("<Code>NoSuchKey</Code>");
  expect(await ask("HEAD", "/a/b")).toMatchObject({ status: 404, text: "" });
  expect(s3.violations).toEqual([]);
});

test.each([
  [
    "a body other than the signed one",
    "PUT",
    "/a",
    { ...hello, body: "hallo" },
    400,
    "XAmzContentSHA256Mismatch",
    0,
  ],
  [
    "an unsigned upload",
    "PUT",
    "/a",
    { ...hello, headers: { "x-amz-content-sha256": "UNSIGNED-PAYLOAD" } },
    501,
    "NotImplemented",
    1,
  ],
  [
    "a header nobody modelled",
    "GET",
    "/a",
    { headers: { "x-amz-acl": "private" } },
    501,
    "NotImplemented",
    1,
  ],
  ["a query nobody modelled", "GET", "?list-type=2&delimiter=x", {}, 501, "NotImplemented", 1],
  ["the first kind of list", "GET", "", {}, 501, "NotImplemented", 1],
  ["a method nobody modelled", "POST", "/a", {}, 501, "NotImplemented", 1],
  ["a token of nobody", "GET", "?list-type=2&continuation-token=x", {}, 400, "InvalidArgument", 0],
])("%s is refused", async (_, method, path, init, status, code, violations) => {
  const { s3, ask } = await setUp();
  const refused = await ask(method, path, init);
  expect(refused.status).toBe(status);
  expect(refused.text).toContain(`<Code>${code}</Code>`);
  expect(s3.violations).toHaveLength(violations);
  expect(s3.objects().size).toBe(0);
});

test("another bucket, another key and another secret are refused", async () => {
  const { s3, ask } = await setUp();
  expect((await ask("GET", "-not/a")).text).toContain("<Code>NoSuchBucket</Code>");
  expect((await asking({ ...s3, accessKeyId: "AKIAOTHER" })("GET", "/a")).text).toContain(
    "InvalidAccessKeyId",
  );
  expect((await asking({ ...s3, secretAccessKey: "x" })("GET", "/a")).text).toContain(
    "SignatureDoesNotMatch",
  );
  expect((await asking({ ...s3, region: "mars" })("GET", "/a")).text).toContain(
    "<Region>eu-central-1</Region>",
  );
});

test("a stream without a length is refused, as S3 does", async () => {
  const { s3 } = await setUp();
  const client = new AwsClient({ ...s3, service: "s3", retries: 0 });
  const body = new Blob(["hello"]).stream();
  const request = await client.sign(`${s3.url}/a`, { method: "PUT", ...hello, body, duplex: "half" });
  const response = await fetch(request);
  expect(response.status).toBe(501);
  expect(s3.violations).toEqual(["unknown: header transfer-encoding"]);
});
