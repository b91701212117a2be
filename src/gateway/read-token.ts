import type { IncomingHttpHeaders } from "node:http";

/** The token of a model call: x-api-key, or the bearer token of Authorization; null without one. */
export function readAgentToken(headers: IncomingHttpHeaders): string | null {
  const key = headers["x-api-key"];
  if (typeof key === "string") return key;
  return /^Bearer (\S+)$/i.exec(headers.authorization ?? "")?.[1] ?? null;
}

/** The token of a proxied request: the password of user `turn` in Proxy-Authorization; null without one. */
export function readProxyToken(headers: IncomingHttpHeaders): string | null {
  const encoded = /^Basic ([\w+/=-]+)$/i.exec(headers["proxy-authorization"] ?? "")?.[1];
  if (encoded === undefined) return null;
  return /^turn:(.*)$/.exec(Buffer.from(encoded, "base64").toString("utf8"))?.[1] ?? null;
}
