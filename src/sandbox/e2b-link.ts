import type { Sandbox as E2bMachine } from "e2b";
import { envdFault, type E2bModule, UnclearFault } from "./e2b-faults.ts";
import { SandboxError } from "./sandbox.ts";

/** How one machine's daemon is reached. */
export type E2bMachineLink = {
  readonly id: string;
  readonly module: E2bModule;
  /** The machine as it was last connected to. */
  machine(): E2bMachine;
  /** What the control plane says of it; null when there is none. */
  stateOf(): Promise<"running" | "paused" | null>;
};

/**
 * Asks the daemon of a machine. Where it does not answer, the state of the machine decides what that means: after a pause
 * the client speaks of a sandbox that is not found, and yet it is not gone.
 */
export async function askMachine<T>(link: E2bMachineLink, what: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (thrown) {
    const error = envdFault(link.module, thrown, what);
    if (!(error instanceof UnclearFault)) throw error;
    const state = await link.stateOf();
    if (state === null) throw fault("gone", `machine ${link.id} is gone`, error);
    throw fault(
      "transient",
      `machine ${link.id} ${state === "paused" ? "was paused" : "does not answer"}`,
      error,
    );
  }
}

function fault(kind: "gone" | "transient", words: string, cause: UnclearFault): SandboxError {
  return new SandboxError(kind, `${words}: ${cause.message}`, { cause });
}
