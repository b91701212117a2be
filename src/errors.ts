/**
 * Something the person can mend: shown to them as it stands, never retried.
 * `code` is stable for programs, `message` one sentence, `remedy` what to do next.
 */
export class UserError extends Error {
  override readonly name = "UserError";
  readonly code: string;
  readonly remedy: string;

  constructor(code: string, message: string, remedy: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.remedy = remedy;
  }
}

/** Something that may pass by itself: retried by the queue, after `retryAfterMs` where the other side said so. */
export class TransientError extends Error {
  override readonly name = "TransientError";
  readonly retryAfterMs: number | undefined;

  constructor(message: string, options?: ErrorOptions & { retryAfterMs?: number | undefined }) {
    super(message, options);
    this.retryAfterMs = options?.retryAfterMs;
  }
}

/** Raised when a newer claim of the same task exists: this worker must stop without any further effect. */
export class FencedError extends Error {
  override readonly name = "FencedError";
}

/** Turns whatever was thrown into an Error, keeping the original as cause. */
export function toError(thrown: unknown): Error {
  if (thrown instanceof Error) return thrown;
  return new Error(`Something other than an Error was thrown: ${describe(thrown)}`, { cause: thrown });
}

function describe(value: unknown): string {
  try {
    return typeof value === "string"
      ? value
      : `${Object.prototype.toString.call(value)} ${JSON.stringify(value)}`;
  } catch {
    return Object.prototype.toString.call(value);
  }
}
