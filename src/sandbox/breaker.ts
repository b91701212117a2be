import {
  BrokenCircuitError,
  circuitBreaker,
  CircuitState,
  DelegateBackoff,
  handleWhen,
  type IHalfOpenAfterBackoffContext,
  TaskCancelledError,
  timeout,
  TimeoutStrategy,
} from "cockatiel";
import type { Clock } from "../clock.ts";
import { toError, UserError } from "../errors.ts";
import type { Logger } from "../log.ts";
import { SandboxError, type SandboxFault } from "./sandbox.ts";

export type BreakerOptions = {
  /** So many faults in a row (busy, transient, auth) and the provider is left alone. */
  faults: number;
  /** For how long at first; each trial that fails doubles it. */
  firstPauseMs: number;
  maxPauseMs: number;
  /** No answer for this long is a transient fault. */
  answerWithinMs: number;
};

const defaults: BreakerOptions = {
  faults: 3,
  firstPauseMs: 10_000,
  maxPauseMs: 5 * 60_000,
  answerWithinMs: 5 * 60_000,
};

export type BreakerState = {
  state: "closed" | "open" | "half-open";
  /** When the next call is let through as a trial; null while all are. */
  retryAt: Date | null;
  /** What opened it; null while it is closed. */
  lastError: string | null;
};

export type Breaker = {
  /** Makes the call unless the provider is left alone: then a SandboxError at once, with the fault that opened the breaker. */
  run<T>(call: () => Promise<T>): Promise<T>;
  /** Leaves the provider alone because of something seen outside a call. */
  open(reason: Error): Promise<void>;
  state(): BreakerState;
};

type Opened = { fault: SandboxFault; message: string; retryAt: Date };
type Settled<T> = { value: T } | { refusal: Error };

/** Stands before one provider's create and connect. What says that the provider works (gone, refused) closes it. */
export function createBreaker(
  provider: string,
  deps: { clock: Clock; log: Pick<Logger, "info" | "warn"> },
  options: Partial<BreakerOptions> = {},
): Breaker {
  const { faults, firstPauseMs, maxPauseMs, answerWithinMs } = { ...defaults, ...options };
  let opened: Opened | null = null;
  let inARow = 0;
  let openNow = false;
  const pauseMs = ({ attempt }: { attempt: number }) =>
    Math.min(maxPauseMs, firstPauseMs * 2 ** (attempt - 1));
  const circuit = circuitBreaker(handleWhen(isFault), {
    breaker: {
      state: null,
      success: () => void (inARow = 0),
      failure: () => openNow || ++inARow >= faults,
    },
    halfOpenAfter: new DelegateBackoff((context: IHalfOpenAfterBackoffContext) => {
      const error = "error" in context.result ? context.result.error : context.result.value;
      const forMs = pauseMs(context);
      opened = {
        fault: error instanceof SandboxError ? error.fault : "transient",
        message: toError(error).message,
        retryAt: new Date(deps.clock.now().getTime() + forMs),
      };
      deps.log.warn({ provider, err: error, forMs }, "a sandbox provider is left alone for a while");
      return forMs;
    }),
  });
  circuit.onReset(() => {
    opened = null;
    deps.log.info({ provider }, "a sandbox provider works again");
  });
  const limit = timeout(answerWithinMs, TimeoutStrategy.Aggressive);
  const leftAlone = () =>
    new SandboxError(
      opened?.fault ?? "transient",
      `${provider} is left alone until ${opened?.retryAt.toISOString() ?? "it is tried again"} after: ${opened?.message ?? "faults"}`,
    );
  return {
    async run(call) {
      // The library lets others wait for the trial's outcome; they have another provider to go to.
      if (circuit.state === CircuitState.HalfOpen) throw leftAlone();
      let settled;
      try {
        settled = await circuit.execute(() => limit.execute(() => settle(call)).catch(toFault));
      } catch (error) {
        throw error instanceof BrokenCircuitError ? leftAlone() : error;
      }
      if ("refusal" in settled) throw settled.refusal;
      return settled.value;
    },
    async open(reason) {
      if (circuit.state !== CircuitState.Closed) return;
      const fault = isFault(reason)
        ? reason
        : new SandboxError("transient", reason.message, { cause: reason });
      openNow = true;
      await circuit.execute(() => Promise.reject(fault)).catch((thrown: unknown) => thrown);
      openNow = false;
    },
    state: () => ({
      state: stateNames[circuit.state],
      retryAt: opened?.retryAt ?? null,
      lastError: opened?.message ?? null,
    }),
  };

  function toFault(error: unknown): never {
    if (!(error instanceof TaskCancelledError)) throw error;
    throw new SandboxError("transient", `${provider} gave no answer within ${answerWithinMs / 1_000} s`, {
      cause: error,
    });
  }
}

const stateNames = {
  [CircuitState.Closed]: "closed",
  [CircuitState.Open]: "open",
  [CircuitState.HalfOpen]: "half-open",
  // Held open by hand, which nobody does.
  [CircuitState.Isolated]: "open",
} as const;

const counted: readonly SandboxFault[] = ["busy", "transient", "auth"];

const isFault = (error: unknown): boolean => error instanceof SandboxError && counted.includes(error.fault);

/** A refusal is an answer: to the breaker it is a success. */
async function settle<T>(call: () => Promise<T>): Promise<Settled<T>> {
  try {
    return { value: await call() };
  } catch (error) {
    if (error instanceof UserError || (error instanceof SandboxError && !isFault(error)))
      return { refusal: error };
    throw error;
  }
}
