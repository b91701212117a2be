import { BlockList, isIPv4 } from "node:net";
import { Refusal } from "./refusal.ts";
import type { MachineRecord } from "./world.ts";

/** What Daytona's API holds against an allow list: IPv4 networks with their length, at most ten. */
export function checkAllowList(list: string): string {
  const networks = list.split(",").map((network) => network.trim());
  for (const network of networks) {
    const [address = "", prefix = ""] = network.split("/");
    if (!isIPv4(address)) throw new Refusal(400, `Invalid IP address: "${address}" in network "${network}"`);
    if (!/^\d+$/.test(prefix) || Number(prefix) > 32)
      throw new Refusal(400, `Invalid network format: "${network}". Missing CIDR prefix length (e.g., /24)`);
  }
  if (networks.length > 10) throw new Refusal(400, "Network allow list cannot contain more than 10 networks");
  return list;
}

/** Whether a machine may reach an address of this host. */
export function allowsOf({ networkBlockAll, networkAllowList }: MachineRecord): (host: string) => boolean {
  if (networkBlockAll) return () => false;
  if (networkAllowList === null) return () => true;
  const listed = new BlockList();
  for (const network of networkAllowList.split(",")) {
    const [address = "", prefix = "32"] = network.trim().split("/");
    listed.addSubnet(address, Number(prefix), "ipv4");
  }
  return (host) => listed.check(host === "localhost" ? "127.0.0.1" : host, "ipv4");
}
