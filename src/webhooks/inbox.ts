import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock } from "../clock.ts";
import { crashPoint } from "../crash-point.ts";
import { TransientError, toError } from "../errors.ts";
import type { Logger } from "../log.ts";
import { answerJson, answerProblem, refuseUnread } from "./answer.ts";
import { checkHead, maxBodyBytes, type Head } from "./check-head.ts";
import type { DeliveryStore } from "./intake-store.ts";
import { GroupCommit } from "./group-commit.ts";
import { judgeDelivery, type Judgement } from "./judge-delivery.ts";
import { readBody, type BodyLimits, type ReadBody } from "./read-body.ts";

const maxHeldBytes = 6 * maxBodyBytes;

export type InboxOutcome =
  "queued" | "stored" | "duplicate" | "too-old" | "ping" | "refused" | "unavailable" | "aborted";

export type InboxDeps = {
  config: { secrets: readonly [string, ...string[]] };
  openStore: () => DeliveryStore;
  log: Logger;
  clock: Clock;
  /** Called once for each request. */
  onAnswered?: (outcome: InboxOutcome, durationMs: number) => void;
  /** How long the database may take; GitHub hangs up after 10 s. */
  databaseDeadlineMs?: number;
};

export type Inbox = {
  /** Answers a request to the App's webhook path; never rejects. */
  handle(request: IncomingMessage, response: ServerResponse): Promise<void>;
  /** Stores what is under way, then lets go of the database. */
  close(): Promise<void>;
};

type Seen = { deliveryId: string; event: string; bytes: number; action: string | null };
type Closing = { outcome: InboxOutcome; status: number; reason?: string; err?: Error };

/** The door for GitHub's webhooks: proves who sent it, stores it with its job in one transaction, answers after the commit. */
export function createInbox(deps: InboxDeps): Inbox {
  const commits = new GroupCommit({
    openStore: deps.openStore,
    log: deps.log,
    deadlineMs: deps.databaseDeadlineMs ?? 8_000,
  });
  const limits: BodyLimits = { maxBytes: maxBodyBytes, held: { bytes: 0, maxBytes: maxHeldBytes } };
  return {
    async handle(request, response) {
      const startedAt = performance.now();
      const seen: Seen = { deliveryId: "", event: "", bytes: 0, action: null };
      let closing: Closing;
      try {
        closing = await receive({ ...deps, commits, limits }, request, response, seen);
      } catch (thrown) {
        answerProblem(
          response,
          500,
          "Something went wrong here; the delivery was not stored. Redeliver it later.",
        );
        closing = { outcome: "unavailable", status: 500, err: toError(thrown) };
      }
      const durationMs = performance.now() - startedAt;
      deps.onAnswered?.(closing.outcome, durationMs);
      const line = { ...seen, ...closing, durationMs: Math.round(durationMs * 10) / 10 };
      if (closing.status >= 500) deps.log.error(line, "webhook");
      else if (closing.status >= 400) deps.log.warn(line, "webhook");
      // By far the most, and the metrics count them: a line for each would cost a twentieth of the server's time.
      else if (closing.outcome === "stored") deps.log.debug(line, "webhook");
      else deps.log.info(line, "webhook");
    },
    close: () => commits.close(),
  };
}

type Receiver = InboxDeps & { commits: GroupCommit; limits: BodyLimits };

async function receive(
  deps: Receiver,
  request: IncomingMessage,
  response: ServerResponse,
  seen: Seen,
): Promise<Closing> {
  const refuse = (status: number, reason: string, detail: string): Closing => {
    refuseUnread(request, response, status, detail);
    return { outcome: status === 503 ? "unavailable" : "refused", status, reason };
  };
  if (request.method !== "POST") {
    response.setHeader("allow", "POST");
    return refuse(405, "method", "Webhooks are delivered by POST.");
  }
  const head = checkHead(request);
  if (!head.ok) return refuse(head.status, head.reason, head.detail);
  seen.deliveryId = head.deliveryId;
  seen.event = head.event;

  const judgement = await readBody(request, deps.limits).then((read) => judge(deps, head, read, seen));
  switch (judgement.verdict) {
    case "refuse":
      return refuse(judgement.status, judgement.reason, judgement.detail);
    case "aborted":
      return { outcome: "aborted", status: 499 };
    case "ping":
      answerJson(response, 200, { outcome: "ping" });
      return { outcome: "ping", status: 200 };
    case "store":
      return store(deps, head.deliveryId, judgement, response);
  }
}

type Outcome =
  Judgement | { verdict: "refuse"; status: number; reason: string; detail: string } | { verdict: "aborted" };

function judge(deps: Receiver, head: Head & { ok: true }, read: ReadBody, seen: Seen): Outcome {
  if (read.ok) {
    seen.bytes = read.body.length;
    const { secrets } = deps.config;
    const { event, signature } = head;
    const judgement = judgeDelivery(read.body, {
      event,
      signature,
      secrets,
      now: deps.clock.now(),
    });
    if (judgement.verdict === "store") seen.action = judgement.facts.action;
    return judgement;
  }
  const { reason } = read;
  switch (reason) {
    case "too-large":
      return {
        verdict: "refuse",
        status: 413,
        reason,
        detail: `The body is larger than ${maxBodyBytes} bytes.`,
      };
    case "too-many":
      return {
        verdict: "refuse",
        status: 503,
        reason,
        detail: "Too many large bodies at once; redeliver it later.",
      };
    case "aborted":
      return { verdict: "aborted" };
  }
}

async function store(
  deps: Receiver,
  id: string,
  { facts: { intake, ...facts }, payload }: Judgement & { verdict: "store" },
  response: ServerResponse,
): Promise<Closing> {
  try {
    const row = {
      ...facts,
      id,
      payload: await payload,
      source: "webhook" as const,
      makesJob: intake !== "asks-nothing",
    };
    await crashPoint("delivery-judged", id);
    const stored = await deps.commits.store(row);
    await crashPoint("delivery-stored", id);
    const outcome = stored !== "duplicate" && intake === "too-old" ? "too-old" : stored;
    answerJson(response, 202, { outcome });
    return { outcome, status: 202 };
  } catch (error) {
    if (!(error instanceof TransientError)) throw error;
    answerProblem(
      response,
      503,
      "The database is not answering; the delivery was not stored. Redeliver it later.",
      {
        "retry-after": "60",
      },
    );
    return { outcome: "unavailable", status: 503, err: error };
  }
}
