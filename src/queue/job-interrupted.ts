/**
 * Why a running handler must stop: the worker drains (the job goes to another worker at once) or the claim is
 * lost (another worker has the job already, so nothing may be written any more).
 */
export class JobInterrupted extends Error {
  override readonly name = "JobInterrupted";
  readonly reason: "drain" | "claim-lost";

  constructor(reason: "drain" | "claim-lost") {
    super(
      reason === "drain"
        ? "The worker is stopping; the job is handed to another worker."
        : "This worker no longer holds the job; another one may be running it.",
    );
    this.reason = reason;
  }
}
