import { isAllowedHost, type Target } from "./egress-target.ts";
import { isPublicAddress } from "./public-address.ts";

/** All addresses of a host, by the system's resolver. */
export type ResolveHost = (host: string) => Promise<readonly string[]>;

export type Admission =
  /** Connect to exactly this address: asking the resolver again could bring another. */
  { ok: true; address: string } | { ok: false; reason: "not-listed" | "not-public" | "not-resolved" };

/** Whether a turn may reach a host. Listed is not enough: one private address among its addresses refuses it. */
export async function admitEgress(
  { resolveHost, egressHosts }: { resolveHost: ResolveHost; egressHosts: readonly string[] },
  target: Target,
): Promise<Admission> {
  if (!isAllowedHost(target.host, egressHosts)) return { ok: false, reason: "not-listed" };
  let addresses: readonly string[];
  try {
    addresses = await resolveHost(target.host);
  } catch (error) {
    if (error instanceof Error && "code" in error) return { ok: false, reason: "not-resolved" };
    throw error;
  }
  const [address] = addresses;
  if (address === undefined) return { ok: false, reason: "not-resolved" };
  return addresses.every(isPublicAddress) ? { ok: true, address } : { ok: false, reason: "not-public" };
}

/** What the agent reads when it may not reach a host. */
export function explainRefusal(target: Target, reason: Exclude<Admission, { ok: true }>["reason"]): string {
  switch (reason) {
    case "not-listed":
      return `Egress to ${target.host} is not allowed. The operator lists the hosts that a sandbox may reach in EGRESS_HOSTS.`;
    case "not-public":
      return `Egress to ${target.host} is refused: its name leads to an address that is not on the public internet.`;
    case "not-resolved":
      return `Egress to ${target.host} failed: its name could not be resolved.`;
  }
}
