import { toError, TransientError, UserError } from "../errors.ts";
import { SandboxError } from "../sandbox/sandbox.ts";
import { isDiskFull } from "../storage/disk-fault.ts";

/**
 * A fault of what a turn runs in that may pass by itself. lost: a machine is gone, with what was in it; away: nothing answers,
 * and nothing is lost by it.
 */
export class SetbackError extends TransientError {
  readonly kind: "lost" | "away";
  /** What failed, as the thread may be told. */
  readonly what: Part;

  constructor(
    kind: "lost" | "away",
    what: Part,
    cause: Error,
    options: { retryAfterMs?: number | undefined } = {},
  ) {
    super(cause.message, { ...options, cause });
    this.kind = kind;
    this.what = what;
  }
}

/** Something that only the operator can mend: shown as it stands, never retried, never charged. */
export class OperatorError extends UserError {}

type Part = "the sandbox" | "the storage for checkpoints" | "the worker's disk";

/** A rejection of a machine, or of the worker's own disk, as what it means for the task; anything else stays as it is. */
export function toSandboxFault(thrown: unknown): Error {
  const error = toError(thrown);
  if (isDiskFull(error)) return new SetbackError("away", "the worker's disk", error);
  if (!(error instanceof SandboxError)) return error;
  switch (error.fault) {
    case "gone":
      return new SetbackError("lost", "the sandbox", error);
    case "busy":
    case "transient":
      return new SetbackError("away", "the sandbox", error);
    case "auth":
      return new OperatorError("sandbox-auth", sentence(error), keysRemedy, { cause: error });
    case "refused":
      return new OperatorError("sandbox-refused", sentence(error), refusedRemedy, { cause: error });
  }
}

/** The same where a whole service is asked: what it says of settings is the operator's matter, what may pass is its outage. */
export function toServiceFault(thrown: unknown, what: Part): Error {
  const given = toError(thrown);
  if (isDiskFull(given)) return new SetbackError("away", what, given);
  const error = toSandboxFault(given);
  if (error instanceof SetbackError || error instanceof OperatorError) return error;
  if (error instanceof TransientError) {
    const { retryAfterMs } = error;
    return new SetbackError("away", what, error, { retryAfterMs });
  }
  if (error instanceof UserError)
    return new OperatorError(error.code, error.message, error.remedy, { cause: error });
  return error;
}

/** Hands the value on, and a rejection as `toServiceFault` has it. */
export async function fromService<T>(what: Part, asking: Promise<T>): Promise<T> {
  try {
    return await asking;
  } catch (error) {
    throw toServiceFault(error, what);
  }
}

const keysRemedy =
  "The operator corrects the keys of the sandbox providers (SANDBOX_PROVIDER names them); `remote-claude doctor` checks each.";
const refusedRemedy =
  "Write the command again; if it ends like this again, the operator ends the sandbox with `remote-claude session kill`, and the next one is made from the last checkpoint.";

function sentence({ message }: Error): string {
  const first = message.slice(0, 1).toUpperCase() + message.slice(1);
  return /[.!?]$/.test(first) ? first : `${first}.`;
}
