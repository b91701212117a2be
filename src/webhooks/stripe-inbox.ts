import type { IncomingMessage, ServerResponse } from "node:http";
import { z } from "zod";
import { isConnectionError, type Db } from "../../db/client.ts";
import { storeStripeEvent } from "../billing/stripe-event-store.ts";
import type { Clock } from "../clock.ts";
import { TransientError, toError } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { Queue } from "../queue/queue.ts";
import { answerJson, answerProblem, refuseUnread } from "./answer.ts";
import { declaredLength, readBody, type BodyLimits } from "./read-body.ts";
import { isSignedByStripe } from "./stripe-signature.ts";

export const stripeWebhookPath = "/stripe/webhook";

/** Stripe's largest events have some hundred kilobytes. */
const maxBodyBytes = 1_048_576;

const envelope = z.object({
  id: z.string().regex(/^evt_[\w-]{1,200}$/),
  type: z.string().min(1).max(200),
  livemode: z.boolean(),
});

export type StripeInboxDeps = {
  /** Of all endpoints, old and new while one is rotated. */
  secrets: readonly string[];
  /** Of the key: what comes from the other mode is not ours. */
  livemode: boolean;
  system: Db;
  queue: Pick<Queue, "enqueue">;
  clock: Clock;
  log: Logger;
  /** How long the database may take; Stripe hangs up after some seconds more. */
  databaseDeadlineMs?: number;
};

type Refusal = { status: number; reason: string; detail: string };

type StripeEnvelope = z.infer<typeof envelope>;
type Received = Refusal | (StripeEnvelope & { payload: Buffer }) | null;

/**
 * The door for Stripe's webhooks: proves who sent it by the raw bytes, stores it once by its id with the job that processes it,
 * and answers after the commit. What it says is believed by nobody; see src/billing/process-events.ts.
 */
export function createStripeInbox(deps: StripeInboxDeps) {
  const limits: BodyLimits = { maxBytes: maxBodyBytes, held: { bytes: 0, maxBytes: 8 * maxBodyBytes } };
  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const received = await receive(deps, request, limits);
    if (received === null) return;
    if (!("status" in received)) {
      await store(deps, response, received);
      return;
    }
    const { status, reason, detail } = received;
    deps.log.warn({ status, reason }, "stripe webhook");
    if (status === 405) response.setHeader("allow", "POST");
    refuseUnread(request, response, status, detail);
  };
}

/** Null: the sender has hung up. */
async function receive(
  { secrets, livemode, clock }: StripeInboxDeps,
  request: IncomingMessage,
  limits: BodyLimits,
): Promise<Received> {
  if (request.method !== "POST") return refusals.method;
  if ((declaredLength(request) ?? 0) > maxBodyBytes) return refusals["too-large"];
  const read = await readBody(request, limits);
  if (!read.ok) return read.reason === "aborted" ? null : refusals[read.reason];
  const header = request.headers["stripe-signature"];
  const signed = isSignedByStripe(read.body, {
    header: typeof header === "string" ? header : undefined,
    ...{ secrets, now: clock.now() },
  });
  if (!signed) return refusals.signature;
  const parsed = envelope.safeParse(parseJson(read.body));
  if (!parsed.success) return refusals.body;
  return parsed.data.livemode === livemode ? { ...parsed.data, payload: read.body } : refusals.livemode;
}

async function store(
  { system, queue, log, databaseDeadlineMs = 8_000 }: StripeInboxDeps,
  response: ServerResponse,
  event: StripeEnvelope & { payload: Buffer },
): Promise<void> {
  const { id, type } = event;
  try {
    const storing = system.transaction(async (tx) => {
      const stored = await storeStripeEvent(tx, event);
      if (stored) await queue.enqueue(tx, "stripe-events", {});
      return stored;
    });
    const isNew = await inTime(storing, databaseDeadlineMs);
    log.info({ id, type, outcome: isNew ? "stored" : "duplicate" }, "stripe webhook");
    answerJson(response, 200, { outcome: isNew ? "stored" : "duplicate" });
  } catch (error) {
    if (!isConnectionError(error) && !(error instanceof TransientError)) throw error;
    log.error({ id, type, err: toError(error) }, "stripe webhook");
    const detail = "The database is not answering; the event was not stored. Send it again later.";
    answerProblem(response, 503, detail, { "retry-after": "60" });
  }
}

/** What is stored after all is known when it is sent again. */
async function inTime<T>(storing: Promise<T>, deadlineMs: number): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    late.reject(new TransientError(`the database did not answer within ${deadlineMs} ms`));
  }, deadlineMs);
  try {
    return await Promise.race([storing, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

const refuse = (status: number, reason: string, detail: string): Refusal => ({ status, reason, detail });

const refusals = {
  method: refuse(405, "method", "Webhooks are delivered by POST."),
  "too-large": refuse(413, "too-large", `The body is larger than ${maxBodyBytes} bytes.`),
  "too-many": refuse(503, "too-many", "Too many large bodies at once; send it again later."),
  signature: refuse(
    401,
    "signature",
    "Expected a Stripe-Signature by one of the secrets of this server's endpoints, made within five minutes.",
  ),
  body: refuse(400, "body", "Expected an event of Stripe's."),
  livemode: refuse(400, "livemode", "The event is of the other mode (live or test) than this server's key."),
} as const;
