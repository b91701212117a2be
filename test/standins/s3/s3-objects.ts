import { createHash } from "node:crypto";
import { escapeXml, type S3Error } from "./s3-error.ts";
import type { S3Operation } from "./read-request.ts";

export type S3Object = { body: Buffer; modifiedAt: Date };

export type Answer = { status: number; headers: Record<string, string>; body: Buffer };

/** Does what is asked for to the objects, and says how S3 would answer. */
export function operate(
  bucket: { name: string; objects: Map<string, S3Object>; pageSize: number; now: Date },
  operation: S3Operation,
  body: Buffer,
): Answer | { refused: S3Error } {
  const { objects } = bucket;
  switch (operation.method) {
    case "PUT": {
      const stored = { body, modifiedAt: bucket.now };
      objects.set(operation.key, stored);
      return answer(200, { etag: etag(stored) });
    }
    case "DELETE":
      objects.delete(operation.key);
      return answer(204, {});
    case "GET":
    case "HEAD": {
      const found = objects.get(operation.key);
      if (found === undefined) return { refused: noSuchKey(operation.key) };
      return answer(
        200,
        {
          "accept-ranges": "bytes",
          "content-type": "binary/octet-stream",
          "content-length": String(found.body.length),
          etag: etag(found),
          "last-modified": found.modifiedAt.toUTCString(),
        },
        operation.method === "GET" ? found.body : Buffer.alloc(0),
      );
    }
    case "LIST":
      return listPage(bucket, operation);
  }
}

function listPage(
  bucket: { name: string; objects: ReadonlyMap<string, S3Object>; pageSize: number },
  operation: Extract<S3Operation, { method: "LIST" }>,
): Answer | { refused: S3Error } {
  const after = operation.token === null ? "" : readToken(operation.token);
  if (after === null) {
    const message = "The continuation token provided is incorrect";
    return { refused: { status: 400, code: "InvalidArgument", message } };
  }
  const keys = [...bucket.objects.keys()]
    .filter(
      (key) => key.startsWith(operation.prefix) && Buffer.compare(Buffer.from(key), Buffer.from(after)) > 0,
    )
    .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  const page = keys.slice(0, Math.min(operation.maxKeys, bucket.pageSize));
  const last = page.at(-1);
  const isTruncated = page.length < keys.length && last !== undefined;
  const xml = [
    '<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">',
    element("Name", bucket.name),
    element("Prefix", operation.prefix),
    ...(operation.token === null ? [] : [element("ContinuationToken", operation.token)]),
    ...(isTruncated ? [element("NextContinuationToken", makeToken(last))] : []),
    element("KeyCount", String(page.length)),
    element("MaxKeys", String(operation.maxKeys)),
    element("IsTruncated", String(isTruncated)),
    ...page.map((key) => describe(key, bucket.objects.get(key))),
    "</ListBucketResult>",
  ].join("");
  return answer(200, { "content-type": "application/xml" }, Buffer.from(xml));
}

function describe(key: string, object: S3Object | undefined): string {
  if (object === undefined) return "";
  return `<Contents>${[
    element("Key", key),
    element("LastModified", object.modifiedAt.toISOString()),
    element("ETag", etag(object)),
    element("Size", String(object.body.length)),
    element("StorageClass", "STANDARD"),
  ].join("")}</Contents>`;
}

/** With every character that a client may forget to encode or to unescape. */
const tokenStart = "1&+/= <'\">%2F";

function makeToken(lastKey: string): string {
  return `${tokenStart}${Buffer.from(lastKey).toString("base64")}`;
}

function readToken(token: string): string | null {
  if (!token.startsWith(tokenStart)) return null;
  return Buffer.from(token.slice(tokenStart.length), "base64").toString("utf8");
}

function element(name: string, text: string): string {
  return `<${name}>${escapeXml(text)}</${name}>`;
}

function etag(object: S3Object): string {
  return `"${createHash("md5").update(object.body).digest("hex")}"`;
}

function answer(status: number, headers: Record<string, string>, body: Buffer = Buffer.alloc(0)): Answer {
  return { status, headers, body };
}

function noSuchKey(key: string): S3Error {
  return {
    status: 404,
    code: "NoSuchKey",
    message: "The specified key does not exist.",
    details: { Key: key },
  };
}
