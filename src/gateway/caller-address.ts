import type { IncomingHttpHeaders } from "node:http";
import { isIPv6 } from "node:net";
import { isPublicAddress } from "./public-address.ts";

/**
 * Who calls, as far as a limit has to know it: who is connected or, behind a proxy on this machine or its network, whom
 * that proxy names. An IPv6 address stands for its /64, which one customer has to himself.
 */
export function callerAddress(request: {
  headers: IncomingHttpHeaders;
  socket: { remoteAddress?: string | undefined };
}): string {
  const connected = request.socket.remoteAddress ?? "";
  const plain = connected.replace(/^::ffff:(?=\d+\.)/, "");
  if (isPublicAddress(plain)) return shorten(plain);
  const named = String(request.headers["x-forwarded-for"] ?? "")
    .split(",")
    .at(-1)
    ?.trim();
  return shorten(named === undefined || named === "" ? plain : named.slice(0, 64));
}

function shorten(address: string): string {
  if (!isIPv6(address)) return address;
  const [head = "", tail] = address.toLowerCase().split("::");
  const groups = head.split(":").filter(Boolean);
  const rest = tail?.split(":").filter(Boolean) ?? [];
  const zeros = Array<string>(Math.max(0, 8 - groups.length - rest.length)).fill("0");
  return [...groups, ...zeros, ...rest].slice(0, 4).join(":");
}
