import type { IncomingMessage } from "node:http";

export type RequestOrigin = { origin: string; secure: boolean };

/**
 * Where the browser believes to be, for links back to us; null without a sound Host header. A proxy in front says
 * https by X-Forwarded-Proto, or we know it from PUBLIC_URL.
 */
export function readOrigin(request: IncomingMessage, publicUrl: string | null): RequestOrigin | null {
  const host = request.headers.host ?? "";
  if (!/^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/.test(host)) return null;
  const known = publicUrl === null ? null : new URL(publicUrl);
  const forwarded = String(request.headers["x-forwarded-proto"] ?? "")
    .split(",")[0]
    ?.trim();
  const secure = known?.host === host.toLowerCase() ? known.protocol === "https:" : forwarded === "https";
  return { origin: `${secure ? "https" : "http"}://${host}`, secure };
}

/** Whether a form was sent from our own page, as far as the browser tells. */
export function isSameOrigin(request: IncomingMessage): boolean {
  const { origin, host, "sec-fetch-site": site } = request.headers;
  if (site !== undefined && site !== "same-origin") return false;
  if (origin === undefined) return true;
  return URL.canParse(origin) && new URL(origin).host === host?.toLowerCase();
}
