import { BlockList, isIP, isIPv4, isIPv6 } from "node:net";
import type { Network } from "./api-bodies.ts";
import { strange } from "./refusal.ts";

const everything = "0.0.0.0/0";
const domain = /^(\*\.)?([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]*[a-z0-9])?$/i;

function isRange(entry: string): boolean {
  const [address = "", bits, ...rest] = entry.split("/");
  if (isIP(address) === 0 || rest.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (isIPv4(address) ? 32 : 128));
}

/** Refuses what the service would refuse: ports, URLs, names that are denied, names that are allowed while the rest is open. */
export function checkNetwork(network: Network): void {
  const { allowOut = [], denyOut = [] } = network;
  for (const entry of allowOut) {
    if (!isRange(entry) && !domain.test(entry)) {
      throw strange(
        `network.allowOut: expected an IP address, a CIDR block or a domain name, got "${entry}"`,
        400,
      );
    }
  }
  for (const entry of denyOut) {
    if (!isRange(entry)) {
      throw strange(`network.denyOut: expected an IP address or a CIDR block, got "${entry}"`, 400);
    }
  }
  if (allowOut.some((entry) => !isRange(entry)) && !denyOut.includes(everything)) {
    const message = `network: allowOut names domains, so denyOut must hold ${everything} to block the rest`;
    throw strange(message, 400);
  }
}

/** Whether the policy lets the machine out to this host; an allowed entry takes precedence over a denied one. */
export function allows(
  policy: { network: Network; allowInternetAccess: boolean | null },
  host: string,
): boolean {
  const { allowOut = [], denyOut = [] } = policy.network;
  if (allowOut.some((entry) => covers(entry, host))) return true;
  if (policy.allowInternetAccess === false || denyOut.includes(everything)) return false;
  return !denyOut.some((entry) => covers(entry, host));
}

function covers(entry: string, host: string): boolean {
  if (!isRange(entry)) {
    const [pattern, name] = [entry.toLowerCase(), host.toLowerCase()];
    return pattern.startsWith("*.") ? name.endsWith(pattern.slice(1)) : name === pattern;
  }
  const [address = "", bits] = entry.split("/");
  const family = isIPv6(address) ? "ipv6" : "ipv4";
  if (isIP(host) === 0 || isIPv6(host) !== isIPv6(address)) return false;
  const list = new BlockList();
  list.addSubnet(address, bits === undefined ? (family === "ipv4" ? 32 : 128) : Number(bits), family);
  return list.check(host, family);
}
