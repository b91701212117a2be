import type { IncomingHttpHeaders } from "node:http";

const allowed = new Set([
  ...["host", "connection", "accept", "accept-encoding", "content-type", "content-length", "user-agent"],
  ...["authorization", "stripe-version", "idempotency-key", "x-stripe-client-user-agent"],
  ...["x-stripe-client-telemetry", "stripe-request-trigger", "transfer-encoding"],
]);

/** What is wrong with the headers of a request, in one sentence, or null. Connect and its Stripe-Account are not for us. */
export function checkHeaders(
  headers: IncomingHttpHeaders,
  wanted: { apiVersion: string; v2: boolean; hasBody: boolean },
): string | null {
  const odd = Object.keys(headers).find((name) => !allowed.has(name));
  if (odd !== undefined) return `Unexpected request header: ${odd}.`;
  if (headers["stripe-version"] !== wanted.apiVersion) {
    return `Invalid Stripe API version: ${String(headers["stripe-version"])}. Expected ${wanted.apiVersion}.`;
  }
  const type = String(headers["content-type"]).split(";")[0];
  const expected = wanted.v2 ? "application/json" : "application/x-www-form-urlencoded";
  if (wanted.hasBody && type !== expected) {
    return `Invalid content type: ${type ?? ""}. Expected ${expected}.`;
  }
  const key = headers["idempotency-key"];
  if (Array.isArray(key)) return "Expected one Idempotency-Key.";
  if (key !== undefined && (key.length > 255 || key === "")) {
    return "Idempotency-Key must be between 1 and 255 characters.";
  }
  return null;
}
