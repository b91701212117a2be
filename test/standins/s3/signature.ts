import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { S3Error } from "./s3-error.ts";

export type SignedRequest = {
  method: string;
  /** Path and query as they stood in the request line. */
  target: string;
  /** Names and values in turn, as node:http gives them. */
  rawHeaders: readonly string[];
};

export type Credentials = { accessKeyId: string; secretAccessKey: string; region: string };

const maxSkewMs = 15 * 60_000;

/** Verifies an AWS Signature Version 4 in the Authorization header, as S3 does; null when it holds. */
export function checkSignature(request: SignedRequest, credentials: Credentials, now: Date): S3Error | null {
  const headers = collectHeaders(request.rawHeaders);
  const authorization = headers.get("authorization");
  if (authorization === undefined) return denied("Access Denied");
  const parsed =
    /^AWS4-HMAC-SHA256 Credential=([^/,\s]+)\/(\d{8})\/([^/,\s]+)\/([^/,\s]+)\/aws4_request,\s*SignedHeaders=([a-z0-9;-]+),\s*Signature=([0-9a-f]{64})$/.exec(
      authorization,
    );
  if (parsed === null) return malformed("The authorization header is malformed.");
  const [, keyId = "", day = "", region = "", service = "", names = "", signature = ""] = parsed;
  const signed = names.split(";");
  const time = headers.get("x-amz-date") ?? "";
  const wrong =
    checkScope({ day, region, service, time }, credentials) ??
    checkTime(time, now) ??
    checkSignedHeaders(signed, headers);
  if (wrong !== null) return wrong;
  if (keyId !== credentials.accessKeyId) {
    return {
      status: 403,
      code: "InvalidAccessKeyId",
      message: "The AWS Access Key Id you provided does not exist in our records.",
      details: { AWSAccessKeyId: keyId },
    };
  }
  const canonical = canonicalRequest(request, headers, signed);
  const scope = `${day}/${region}/${service}/aws4_request`;
  const text = ["AWS4-HMAC-SHA256", time, scope, sha256(canonical)].join("\n");
  const expected = hmac(signingKey(credentials, day), text).toString("hex");
  if (timingSafeEqual(Buffer.from(expected), Buffer.from(signature))) return null;
  return {
    status: 403,
    code: "SignatureDoesNotMatch",
    message:
      "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
    details: {
      AWSAccessKeyId: keyId,
      StringToSign: text,
      SignatureProvided: signature,
      CanonicalRequest: canonical,
    },
  };
}

function checkScope(
  scope: { day: string; region: string; service: string; time: string },
  credentials: Credentials,
): S3Error | null {
  if (scope.service !== "s3") return malformed(`incorrect service '${scope.service}'; expecting 's3'`);
  if (scope.region !== credentials.region) {
    return malformed(`the region '${scope.region}' is wrong; expecting '${credentials.region}'`, {
      Region: credentials.region,
    });
  }
  if (!scope.time.startsWith(scope.day)) return malformed("the scope's day is not that of x-amz-date");
  return null;
}

function checkTime(time: string, now: Date): S3Error | null {
  const parts = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(time);
  if (parts === null) return denied("AWS authentication requires a valid Date or x-amz-date header");
  const [, year, month, day, hour, minute, second] = parts.map(Number);
  const at = Date.UTC(year ?? 0, (month ?? 1) - 1, day, hour, minute, second);
  if (Math.abs(at - now.getTime()) <= maxSkewMs) return null;
  return {
    status: 403,
    code: "RequestTimeTooSkewed",
    message: "The difference between the request time and the current time is too large.",
    details: {
      RequestTime: time,
      ServerTime: now.toISOString(),
      MaxAllowedSkewMilliseconds: String(maxSkewMs),
    },
  };
}

function checkSignedHeaders(signed: readonly string[], headers: ReadonlyMap<string, string>): S3Error | null {
  const needed = [...headers.keys()].filter((name) => name === "host" || name.startsWith("x-amz-"));
  const left = needed.filter((name) => !signed.includes(name));
  if (left.length === 0 && headers.has("host") && headers.has("x-amz-content-sha256")) return null;
  return denied("There were headers present in the request which were not signed", {
    HeadersNotSigned: left.join(", "),
  });
}

function canonicalRequest(
  request: SignedRequest,
  headers: ReadonlyMap<string, string>,
  signed: readonly string[],
): string {
  const [path = "", query = ""] = request.target.split("?");
  const pairs = query
    .split("&")
    .filter((pair) => pair !== "")
    .map((pair) => {
      const at = pair.indexOf("=");
      const [name, value] = at < 0 ? [pair, ""] : [pair.slice(0, at), pair.slice(at + 1)];
      return [encode(decodeQuery(name)), encode(decodeQuery(value))] as const;
    })
    .sort(([a, av], [b, bv]) => order(a, b) || order(av, bv));
  return [
    request.method,
    path
      .split("/")
      .map((segment) => encode(decodeURIComponent(segment)))
      .join("/"),
    pairs.map(([name, value]) => `${name}=${value}`).join("&"),
    ...signed.map((name) => `${name}:${headers.get(name) ?? ""}`),
    "",
    signed.join(";"),
    headers.get("x-amz-content-sha256") ?? "",
  ].join("\n");
}

/** Lower-case names; a header that comes twice is joined, runs of blanks are one. */
function collectHeaders(raw: readonly string[]): Map<string, string> {
  const headers = new Map<string, string>();
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = (raw[index] ?? "").toLowerCase();
    const value = (raw[index + 1] ?? "").trim().replaceAll(/ +/g, " ");
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before},${value}`);
  }
  return headers;
}

function signingKey(credentials: Credentials, day: string): Buffer {
  let key: Buffer = Buffer.from(`AWS4${credentials.secretAccessKey}`, "utf8");
  for (const part of [day, credentials.region, "s3", "aws4_request"]) key = hmac(key, part);
  return key;
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text, "utf8").digest();
}

function sha256(text: string): string {
  return createHash("sha256").update(text, "utf8").digest("hex");
}

/** Everything but unreserved characters, by bytes. */
function encode(text: string): string {
  return [...Buffer.from(text, "utf8")]
    .map((byte) => {
      const character = String.fromCharCode(byte);
      return /[A-Za-z0-9._~-]/.test(character)
        ? character
        : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
    })
    .join("");
}

function decodeQuery(text: string): string {
  return decodeURIComponent(text.replaceAll("+", " "));
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function denied(message: string, details?: Record<string, string>): S3Error {
  return { status: 403, code: "AccessDenied", message, ...(details === undefined ? {} : { details }) };
}

function malformed(message: string, details?: Record<string, string>): S3Error {
  return {
    status: 400,
    code: "AuthorizationHeaderMalformed",
    message,
    ...(details === undefined ? {} : { details }),
  };
}
