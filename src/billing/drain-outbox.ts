import type { Deps } from "../deps.ts";
import { toError } from "../errors.ts";
import {
  claimOutboxRow,
  giveOverUnknown,
  keyRefused,
  pauseOutbox,
  recordVerdict,
  type OutboxRow,
  type OutboxVerdict,
} from "./outbox-store.ts";

/** What the other side made of one attempt. A call without an answer rejects, and may have been taken. */
export type SendResult =
  | { kind: "ack" }
  /** It has this identifier already, so an earlier attempt arrived. */
  | { kind: "duplicate" }
  | { kind: "refused"; problem: string }
  | { kind: "later"; problem: string; retryAfterMs?: number }
  /** Our key is not accepted, so nothing will be. */
  | { kind: "unauthorized"; problem: string };

/** `attempt` makes the idempotency key of each attempt its own; the identifier stays. */
export type Send = (row: OutboxRow, attempt: number) => Promise<SendResult>;

export type DrainReport = { delivered: number; later: number; dead: number; reconcile: number };

type DrainDeps = Pick<Deps, "system" | "log"> & { send: Send; random?: () => number };

const firstDelayMs = 1_000;
const longestDelayMs = 60_000;
const unauthorizedMs = 5 * 60_000;

/**
 * Sends what is due, one row at a time and one at a time for an account, until nothing is or `limit` rows were tried. Safe beside
 * others of its kind and after a death at any point: each attempt is written down before it is made.
 */
export async function drainOutbox(
  deps: DrainDeps,
  { limit, signal }: { limit: number; signal?: AbortSignal },
): Promise<DrainReport> {
  const report: DrainReport = { delivered: 0, later: 0, dead: 0, reconcile: 0 };
  for (const row of await giveOverUnknown(deps.system)) {
    deps.log.error(about(row), "nobody knows whether a charge was taken; it has to be looked for");
    report.reconcile += 1;
  }
  for (let tried = 0; tried < limit && signal?.aborted !== true; tried++) {
    const claimed = await claimOutboxRow(deps.system);
    if (claimed.kind === "none") break;
    if (claimed.kind === "other") continue;
    const result = await attempt(deps, claimed.row);
    const verdict = judge(deps, claimed.row, result);
    if (await recordVerdict(deps.system, claimed.row, verdict)) count(report, verdict);
    if (verdict.state === "dead" || verdict.state === "reconcile")
      deps.log.error({ ...about(claimed.row), ...verdict }, "a charge was not taken");
    if (result.kind === "unauthorized") {
      await pauseOutbox(deps.system, { delayMs: unauthorizedMs });
      deps.log.error(
        { problem: result.problem },
        "Stripe does not take the key: no charge is sent for 5 minutes; look at STRIPE_SECRET_KEY",
      );
      break;
    }
  }
  return report;
}

async function attempt({ send, log }: DrainDeps, row: OutboxRow): Promise<SendResult> {
  try {
    return await send(row, row.attempts);
  } catch (error) {
    log.warn({ ...about(row), err: toError(error) }, "a charge was sent without an answer");
    return { kind: "later", problem: toError(error).message };
  }
}

/** A refusal of a later attempt is not believed: the first one may have arrived, and words are no contract. */
function judge(deps: DrainDeps, row: OutboxRow, result: SendResult): OutboxVerdict {
  switch (result.kind) {
    case "ack":
    case "duplicate":
      return { state: "delivered", via: result.kind };
    case "refused":
      return { state: row.attempts > 1 ? "reconcile" : "dead", problem: result.problem };
    case "unauthorized":
      return { state: "pending", problem: keyRefused + result.problem, delayMs: unauthorizedMs };
    case "later":
      return {
        state: "pending",
        problem: result.problem,
        delayMs: result.retryAfterMs ?? backOff(row.attempts, deps.random ?? Math.random),
      };
  }
}

/** Twice as long each time, anywhere within it, so that senders do not come back together. */
function backOff(attempts: number, random: () => number): number {
  return Math.round(random() * Math.min(longestDelayMs, firstDelayMs * 2 ** Math.min(attempts, 10)));
}

function count(report: DrainReport, { state }: OutboxVerdict): void {
  report[state === "pending" ? "later" : state] += 1;
}

const about = ({ id, accountId, identifier, attempts }: OutboxRow) => ({
  outboxId: id,
  accountId,
  identifier,
  attempts,
});
