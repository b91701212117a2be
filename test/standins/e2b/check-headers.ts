import type { IncomingHttpHeaders } from "node:http";
import { strange } from "./refusal.ts";

const transport = [
  ...["host", "connection", "accept", "accept-language", "accept-encoding", "sec-fetch-mode", "user-agent"],
  ...["content-type", "content-length", "transfer-encoding"],
];
const api = [
  ...[
    "x-api-key",
    "browser",
    "lang",
    "lang_version",
    "package_version",
    "publisher",
    "sdk_runtime",
    "system",
  ],
];
const envd = [
  ...["e2b-sandbox-id", "e2b-sandbox-port", "x-access-token", "authorization", "content-encoding"],
  ...["connect-protocol-version", "connect-timeout-ms", "keepalive-ping-interval"],
];

const known = { api: new Set([...transport, ...api]), envd: new Set([...transport, ...envd]) };

/** The values that have only one right form; the others are judged where they are used. */
const forms: Record<string, RegExp> = {
  "user-agent": /^e2b-js-sdk\/2\./,
  package_version: /^2\./,
  publisher: /^e2b$/,
  "e2b-sandbox-port": /^49983$/,
  "connect-protocol-version": /^1$/,
  "connect-timeout-ms": /^[1-9]\d{0,9}$/,
  "keepalive-ping-interval": /^[1-9]\d{0,3}$/,
  "content-encoding": /^gzip$/,
  authorization: /^Basic [A-Za-z0-9+/]+=*$/,
};

/** Refuses headers that the client of 2.51 does not send to this door, and values that it cannot mean. */
export function checkHeaders(door: "api" | "envd", headers: IncomingHttpHeaders): void {
  for (const [name, value] of Object.entries(headers)) {
    if (!known[door].has(name)) throw strange(`unknown header ${name}`, 400);
    const form = forms[name];
    if (form !== undefined && (typeof value !== "string" || !form.test(value))) {
      throw strange(`header ${name}: unexpected value ${String(value)}`, 400);
    }
  }
}

/** Refuses a user of the machine that is not modelled. */
export function checkUser(authorization: string | undefined): void {
  if (authorization === undefined) return;
  const name = Buffer.from(authorization.slice("Basic ".length), "base64").toString().replace(/:$/, "");
  if (name !== "user") throw strange(`user: only "user" is modelled, got "${name}"`);
}
