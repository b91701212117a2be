import { SandboxError, type SandboxFault } from "./sandbox.ts";

export type E2bModule = Omit<typeof import("e2b"), "default">;

/** What is to be done about a key that E2B does not take. */
export const e2bKeyRemedy =
  "Check E2B_API_KEY: keys are made at https://e2b.dev/dashboard?tab=keys, one belongs to one team.";

/** A rejection of E2B's control plane as a fault of the port; what is no answer and no network failure passes as it is. */
export function apiFault(e2b: E2bModule, thrown: unknown, what: string): unknown {
  if (thrown instanceof SandboxError) return thrown;
  if (thrown instanceof e2b.AuthenticationError) return keyFault(thrown, what);
  if (thrown instanceof e2b.RateLimitError || thrown instanceof e2b.ServiceBusyError) {
    return fault("busy", thrown, what);
  }
  if (thrown instanceof e2b.SandboxNotFoundError) return fault("gone", thrown, what);
  if (thrown instanceof e2b.TimeoutError || isNetworkFailure(thrown)) return fault("transient", thrown, what);
  if (thrown instanceof e2b.InvalidArgumentError) return fault("refused", thrown, what);
  if (thrown instanceof e2b.SandboxError && thrown.statusCode !== undefined) {
    const { statusCode } = thrown;
    if (statusCode === 403) return keyFault(thrown, what);
    return fault(faultOfStatus(statusCode), thrown, what);
  }
  // Answers that the client cannot read (a proxy's page, a cut body) come without a status.
  if (thrown instanceof e2b.SandboxError || thrown instanceof SyntaxError) {
    return fault("transient", thrown, what);
  }
  return thrown;
}

/**
 * A rejection of the daemon inside a machine. "unclear": the connection failed or the machine does not answer, which says
 * nothing about whether it is paused, gone or only slow; ask for its state.
 */
export function envdFault(e2b: E2bModule, thrown: unknown, what: string): unknown {
  if (thrown instanceof SandboxError) return thrown;
  if (thrown instanceof e2b.FileNotFoundError || thrown instanceof e2b.InvalidArgumentError) {
    return fault("refused", thrown, what);
  }
  if (thrown instanceof e2b.NotEnoughSpaceError) {
    return new SandboxError("refused", `the machine's disk is full: ${what}`, { cause: thrown });
  }
  if (thrown instanceof e2b.RateLimitError || thrown instanceof e2b.ServiceBusyError) {
    return fault("busy", thrown, what);
  }
  const fromClient = thrown instanceof e2b.SandboxError || thrown instanceof e2b.AuthenticationError;
  if (fromClient || isNetworkFailure(thrown)) return new UnclearFault(what, thrown);
  return thrown;
}

/** Carries a failure of a machine's daemon until somebody has asked what became of the machine. */
export class UnclearFault extends Error {
  override readonly name = "UnclearFault";

  constructor(what: string, cause: unknown) {
    super(`${what}: ${wordsOf(cause)}`, { cause });
  }
}

function faultOfStatus(status: number): SandboxFault {
  if (status === 404 || status === 410) return "gone";
  if (status === 409 || status === 423) return "busy";
  return status >= 500 || status === 408 ? "transient" : "refused";
}

function keyFault(cause: Error, what: string): SandboxError {
  return new SandboxError("auth", `E2B did not take the key (${what}). ${e2bKeyRemedy}`, { cause });
}

function fault(kind: SandboxFault, cause: unknown, what: string): SandboxError {
  return new SandboxError(kind, `E2B: ${what}: ${wordsOf(cause)}`, { cause });
}

function wordsOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return "something that is no error";
  const { cause } = thrown;
  return cause instanceof Error ? `${thrown.message} (${cause.message})` : thrown.message;
}

/** fetch rejects with a TypeError for every dropped connection, an aborted request with a DOMException. */
function isNetworkFailure(thrown: unknown): boolean {
  if (thrown instanceof TypeError) return thrown.cause !== undefined || thrown.message === "fetch failed";
  return thrown instanceof DOMException || (thrown instanceof Error && thrown.name === "ConnectError");
}
