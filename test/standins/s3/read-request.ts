import type { IncomingMessage } from "node:http";
import type { S3Error, S3Refusal } from "./s3-error.ts";

/** What a request asks for. Listing is GET on the bucket. */
export type S3Operation =
  | { method: "GET" | "HEAD" | "PUT" | "DELETE"; key: string }
  | { method: "LIST"; key: ""; prefix: string; maxKeys: number; token: string | null };

const knownHeaders = new Set([
  "host",
  "connection",
  "authorization",
  "x-amz-date",
  "x-amz-content-sha256",
  "content-length",
  "accept",
  "accept-language",
  "accept-encoding",
  "sec-fetch-mode",
  "user-agent",
]);

/** Understands a request, or says what S3 would say; what a client of ours should not even try is a violation too. */
export function readOperation(
  request: IncomingMessage,
  bucket: string,
): S3Operation | { refused: S3Error | S3Refusal } {
  const headerProblem = checkHeaders(request);
  if (headerProblem !== null) return { refused: headerProblem };
  const url = new URL(request.url ?? "/", "http://stand-in");
  const [, found = "", ...segments] = url.pathname.split("/").map(decodeURIComponent);
  if (found !== bucket) {
    return {
      refused: {
        status: 404,
        code: "NoSuchBucket",
        message: "The specified bucket does not exist",
        details: { BucketName: found },
      },
    };
  }
  const key = segments.join("/");
  const method = request.method ?? "";
  if (key === "" && method === "GET") return readListing(url.searchParams);
  if (key === "" || url.searchParams.size > 0 || !isObjectMethod(method)) {
    return { refused: unknown(`${method} ${String(request.url)}`) };
  }
  if (Buffer.byteLength(key) > 1024) {
    return { refused: { status: 400, code: "KeyTooLongError", message: "Your key is too long" } };
  }
  return { method, key };
}

function isObjectMethod(method: string): method is "GET" | "HEAD" | "PUT" | "DELETE" {
  return ["GET", "HEAD", "PUT", "DELETE"].includes(method);
}

function checkHeaders(request: IncomingMessage): S3Error | S3Refusal | null {
  const { headers } = request;
  if (headers["transfer-encoding"] !== undefined) {
    return unknown(
      "header transfer-encoding",
      "A header you provided implies functionality that is not implemented",
    );
  }
  const stranger = Object.keys(headers).find((name) => !knownHeaders.has(name));
  if (stranger !== undefined) return unknown(`header ${stranger}`);
  const sha256 = headers["x-amz-content-sha256"];
  if (request.method === "PUT") {
    if (headers["content-length"] === undefined) {
      const message = "You must provide the Content-Length HTTP header.";
      return { violation: message, error: { status: 411, code: "MissingContentLength", message } };
    }
    if (!/^[0-9a-f]{64}$/.test(String(sha256)))
      return unknown(`an upload with x-amz-content-sha256 ${String(sha256)}`);
  } else if (Number(headers["content-length"] ?? 0) > 0) {
    return unknown(`${String(request.method)} with a body`);
  }
  return null;
}

function readListing(query: URLSearchParams): S3Operation | { refused: S3Error | S3Refusal } {
  const known = ["list-type", "prefix", "max-keys", "continuation-token"];
  const stranger = [...query.keys()].find((name) => !known.includes(name));
  if (stranger !== undefined || query.get("list-type") !== "2") {
    return { refused: unknown(`GET of the bucket with ${query.toString()}`) };
  }
  const maxKeys = query.get("max-keys") ?? "1000";
  if (!/^\d{1,4}$/.test(maxKeys) || Number(maxKeys) > 1000) {
    const message = "Provided max-keys not an integer or within integer range";
    return { refused: { status: 400, code: "InvalidArgument", message } };
  }
  return {
    method: "LIST",
    key: "",
    prefix: query.get("prefix") ?? "",
    maxKeys: Number(maxKeys),
    token: query.get("continuation-token"),
  };
}

function unknown(what: string, message = `This stand-in has no ${what}`): S3Refusal {
  return { violation: `unknown: ${what}`, error: { status: 501, code: "NotImplemented", message } };
}
