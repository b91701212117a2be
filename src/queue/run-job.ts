import { toError, TransientError } from "../errors.ts";
import type { Logger } from "../log.ts";
import { PutBack } from "./put-back.ts";
import { JobInterrupted } from "./job-interrupted.ts";
import { jobs, type JobContext, type JobName } from "./jobs.ts";

/** A job as it was claimed; id and retryCount name this very attempt. */
export type ClaimedJob = { id: string; retryCount: number; data: unknown; signal: AbortSignal };

export type JobFailure = { name: JobName; jobId: string; payload: unknown; attempt: number; error: Error };

export type RunJobDeps = {
  handler: (payload: never, context: JobContext) => Promise<unknown>;
  /** Fires when the worker drains. */
  drain: AbortSignal;
  /** Ends this attempt so that the job runs again after the delay; does nothing when the claim is lost. */
  handBack: (job: ClaimedJob, error: Error, delayMs: number) => Promise<void>;
  onFailure: ((failure: JobFailure) => void) | undefined;
  log: Logger;
};

type Outcome = "done" | "handed-back" | "claim-lost" | "failed";

/** Runs one claimed job. Returns when the attempt is settled or done, throws when it failed and the usual backoff applies. */
export async function runJob(deps: RunJobDeps, name: JobName, job: ClaimedJob): Promise<void> {
  const startedAt = performance.now();
  const attempt = job.retryCount + 1;
  const close = (outcome: Outcome, error?: Error) => {
    const facts = {
      job: name,
      jobId: job.id,
      attempt,
      outcome,
      durationMs: Math.round(performance.now() - startedAt),
    };
    if (error === undefined) deps.log.info(facts, "job");
    else deps.log.warn({ ...facts, err: error }, "job");
  };
  const interrupt = new Interrupt(job.signal, deps.drain);
  try {
    interrupt.signal.throwIfAborted();
    const payload = jobs[name].payload.parse(job.data);
    await deps.handler(payload as never, { signal: interrupt.signal, attempt });
    close("done");
  } catch (thrown) {
    const error = toError(thrown);
    const reason = interrupt.reason;
    if (reason === "claim-lost") {
      close("claim-lost");
      return;
    }
    if (reason === "drain") {
      await deps.handBack(job, error, 0);
      close("handed-back");
      return;
    }
    if (error instanceof PutBack) {
      await deps.handBack(job, error, error.afterMs);
      deps.log.debug({ job: name, jobId: job.id, attempt }, "job put back");
      return;
    }
    close("failed", error);
    deps.onFailure?.({ name, jobId: job.id, payload: job.data, attempt, error });
    if (!(error instanceof TransientError) || error.retryAfterMs === undefined) throw error;
    await deps.handBack(job, error, error.retryAfterMs);
  } finally {
    interrupt.end();
  }
}

/** Joins the two reasons to stop into one signal, which stays silent after the handler has returned. */
class Interrupt {
  readonly #controller = new AbortController();
  readonly #claim: AbortSignal;
  readonly #drain: AbortSignal;

  constructor(claim: AbortSignal, drain: AbortSignal) {
    this.#claim = claim;
    this.#drain = drain;
    claim.addEventListener("abort", this.#onClaimLost);
    drain.addEventListener("abort", this.#onDrain);
    if (claim.aborted) this.#onClaimLost();
    if (drain.aborted) this.#onDrain();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get reason(): JobInterrupted["reason"] | null {
    const reason: unknown = this.signal.reason;
    // A claim may also be lost during a drain, and then there is nothing left to hand back.
    if (this.#claim.aborted) return "claim-lost";
    return reason instanceof JobInterrupted ? reason.reason : null;
  }

  end(): void {
    this.#claim.removeEventListener("abort", this.#onClaimLost);
    this.#drain.removeEventListener("abort", this.#onDrain);
  }

  readonly #onClaimLost = () => this.#controller.abort(new JobInterrupted("claim-lost"));
  readonly #onDrain = () => this.#controller.abort(new JobInterrupted("drain"));
}
