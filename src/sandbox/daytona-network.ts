import type { LookupAddress } from "node:dns";
import { isIPv4, isIPv6 } from "node:net";
import { SandboxError } from "./sandbox.ts";

export type ResolveIpv4 = (host: string) => Promise<LookupAddress[]>;

export type DaytonaNetwork = { networkBlockAll: true } | { networkAllowList: string };

/** Daytona's own limit of an allow list. */
const maxNetworks = 10;

/**
 * Daytona's firewall for `lease.egress`: everything is blocked but the IPv4 addresses that the hosts have now, as this
 * host resolves them. Its list of domains is not used: the runner that can be had as source stores it and lets all through.
 */
export async function daytonaNetwork(
  resolve: ResolveIpv4,
  egress: readonly string[],
): Promise<DaytonaNetwork> {
  if (egress.length === 0) return { networkBlockAll: true };
  const found = await Promise.all(egress.map((host) => addressesOf(resolve, host)));
  const networks = [...new Set(found.flat())].sort();
  if (networks.length > maxNetworks) {
    throw new SandboxError(
      "refused",
      `Daytona takes at most ${maxNetworks} addresses a machine, ${egress.join(", ")} have ${networks.length}; list fewer hosts`,
    );
  }
  return { networkAllowList: networks.join(",") };
}

async function addressesOf(resolve: ResolveIpv4, entry: string): Promise<string[]> {
  const host = isIPv6(entry) ? entry : entry.replace(/:\d{1,5}$/, "");
  if (isIPv4(host)) return [`${host}/32`];
  if (isIPv6(host) || host.includes("*") || host.includes("/") || host === "") {
    throw new SandboxError(
      "refused",
      `expected host names or IPv4 addresses for a machine at Daytona, got ${JSON.stringify(entry)}; its firewall knows neither IPv6 nor wildcards`,
    );
  }
  let addresses: LookupAddress[];
  try {
    addresses = await resolve(host);
  } catch (cause) {
    throw new SandboxError(
      "transient",
      `${host} is to be reached from a machine at Daytona and does not resolve to an IPv4 address`,
      { cause },
    );
  }
  return addresses.map(({ address }) => `${address}/32`);
}
