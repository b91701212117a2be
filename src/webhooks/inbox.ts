import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock } from "../clock.ts";
import { TransientError, toError } from "../errors.ts";
import type { Logger } from "../log.ts";
import { answerJson, answerProblem, refuseUnread } from "./answer.ts";
import { checkHead, maxBodyBytes } from "./check-head.ts";
import { classifyDelivery } from "./classify-delivery.ts";
import { packPayload, type DeliveryStore } from "./intake-store.ts";
import { GroupCommit } from "./group-commit.ts";
import { readBody, type BodyLimits } from "./read-body.ts";
import { isSigned } from "./signature.ts";

export const inboxPath = "/api/github/webhooks";

const maxHeldBytes = 6 * maxBodyBytes;

export type InboxOutcome =
  "queued" | "stored" | "duplicate" | "too-old" | "ping" | "refused" | "unavailable" | "aborted";

export type InboxDeps = {
  config: { secrets: readonly [string, ...string[]]; triggerLabel: string };
  openStore: () => DeliveryStore;
  log: Logger;
  clock: Clock;
  /** Called once for each request. */
  onAnswered?: (outcome: InboxOutcome, durationMs: number) => void;
  /** How long the database may take; GitHub hangs up after 10 s. */
  databaseDeadlineMs?: number;
};

export type Inbox = {
  /** Answers a request to inboxPath; never rejects. */
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

  const read = await readBody(request, deps.limits);
  if (!read.ok) {
    if (read.reason === "too-large")
      return refuse(413, "too-large", `The body is larger than ${maxBodyBytes} bytes.`);
    if (read.reason === "too-many")
      return refuse(503, "too-many", "Too many large bodies at once; redeliver it later.");
    return { outcome: "aborted", status: 499 };
  }
  seen.bytes = read.body.length;
  if (!isSigned(read.body, head.signature, deps.config.secrets)) {
    return refuse(
      401,
      "wrong-signature",
      "The signature does not fit the body and this server's webhook secret.",
    );
  }
  const parsed = parseJson(read.body);
  if (!parsed.ok) return refuse(400, "not-json", "The body is not JSON.");
  return accept(deps, { head, raw: read.body, body: parsed.value }, response, seen, refuse);
}

async function accept(
  deps: Receiver,
  input: { head: { deliveryId: string; event: string }; raw: Buffer; body: unknown },
  response: ServerResponse,
  seen: Seen,
  refuse: (status: number, reason: string, detail: string) => Closing,
): Promise<Closing> {
  const { deliveryId, event } = input.head;
  const classified = classifyDelivery({ event, body: input.body, now: deps.clock.now() }, deps.config);
  if (!classified.ok) return refuse(400, classified.reason, classified.detail);
  if (event === "ping") {
    answerJson(response, 200, { outcome: "ping" });
    return { outcome: "ping", status: 200 };
  }
  const { intake, ...facts } = classified.facts;
  seen.action = facts.action;
  const payload = await packPayload(input.raw);
  try {
    const stored = await deps.commits.store({
      ...facts,
      id: deliveryId,
      payload,
      source: "webhook",
      makesJob: intake === "job",
    });
    const outcome = stored === "stored" && intake === "too-old" ? "too-old" : stored;
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

function parseJson(raw: Buffer): { ok: true; value: unknown } | { ok: false } {
  try {
    return { ok: true, value: JSON.parse(raw.toString("utf8")) };
  } catch (error) {
    if (error instanceof SyntaxError) return { ok: false };
    throw error;
  }
}
