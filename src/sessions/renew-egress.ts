import type { Deps } from "../deps.ts";
import { leaseOf, type OpenedMachine } from "./open-machine.ts";
import { fromService } from "./session-fault.ts";

/**
 * A machine is opened while the repository's settings are still being read, with the operator's hosts alone. Where the
 * settings say otherwise its egress rules are sent again, whole; a machine of this host asks the gateway for each call.
 */
export async function renewEgress(
  deps: Pick<Deps, "config" | "sandboxes">,
  machine: OpenedMachine,
  input: { timeoutMs: number; before: readonly string[] },
): Promise<OpenedMachine> {
  const { egressHosts } = deps.config.sandbox;
  const same =
    egressHosts.length === input.before.length && egressHosts.every((host) => input.before.includes(host));
  if (same || machine.sandbox.gateway === "socket") return machine;
  const { provider, id } = machine.sandbox;
  const sandbox = await fromService(
    "the sandbox",
    deps.sandboxes.connect({ provider, id }, leaseOf(deps, input.timeoutMs)),
  );
  return { ...machine, sandbox };
}
