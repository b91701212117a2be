import { z } from "zod";
import { readRequest } from "./business-key.ts";
import { deriveKind, headerFits, isBody, type Body } from "./delivery-kind.ts";
import { maxTriggerAgeMs } from "./trigger-age.ts";

export type DeliveryFacts = {
  event: string;
  action: string | null;
  installationId: number | null;
  repositoryId: number | null;
  businessKey: string | null;
  /** What is to be made of it: a job, nothing, or a job that only notes that it came too late. */
  intake: "job" | "asks-nothing" | "too-old";
};

export type Classified =
  | { ok: true; facts: DeliveryFacts }
  | { ok: false; reason: "not-an-object" | "event-mismatch" | "malformed"; detail: string };

/** Judges a signed body: is it what the header says, and does it ask for anything? */
export function classifyDelivery(input: { event: string; body: unknown; now: Date }): Classified {
  const { event, body, now } = input;
  if (!isBody(body)) {
    return {
      ok: false,
      reason: "not-an-object",
      detail: `expected a JSON object, got ${JSON.stringify(body).slice(0, 20)}`,
    };
  }
  const kind = deriveKind(body);
  if (!headerFits(event, kind)) {
    return {
      ok: false,
      reason: "event-mismatch",
      detail: `X-GitHub-Event is ${event}, but the body is ${kind ?? "something else"}`,
    };
  }
  try {
    const request = readRequest(kind, body);
    return { ok: true, facts: { event, ...places(body), ...judge(request, now) } };
  } catch (error) {
    if (!(error instanceof z.ZodError)) throw error;
    const where = error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`).join("; ");
    return {
      ok: false,
      reason: "malformed",
      detail: `the body of ${event} is not as GitHub sends it: ${where}`,
    };
  }
}

function judge(
  request: ReturnType<typeof readRequest>,
  now: Date,
): Pick<DeliveryFacts, "businessKey" | "intake"> {
  if (request === null) return { businessKey: null, intake: "asks-nothing" };
  // Without its key, so that it cannot stand in the way of anything.
  if (request.at !== null && now.getTime() - request.at.getTime() > maxTriggerAgeMs) {
    return { businessKey: null, intake: "too-old" };
  }
  return { businessKey: request.businessKey, intake: "job" };
}

const actionName = /^[a-z_]{1,64}$/;

function places(body: Body) {
  return {
    action: typeof body.action === "string" && actionName.test(body.action) ? body.action : null,
    installationId: idOf(body.installation),
    repositoryId: idOf(body.repository),
  };
}

function idOf(value: unknown): number | null {
  return isBody(value) && Number.isSafeInteger(value.id) ? (value.id as number) : null;
}
