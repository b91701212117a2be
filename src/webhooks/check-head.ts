import type { IncomingMessage } from "node:http";
import { declaredLength } from "./read-body.ts";
import { parseSignature } from "./signature.ts";

/** GitHub sends nothing larger. */
export const maxBodyBytes = 25 * 1_048_576;

export type Head =
  | { ok: true; deliveryId: string; event: string; signature: Buffer }
  | { ok: false; status: number; reason: string; detail: string };

const deliveryIdFormat = /^[\w-]{1,100}$/;
const eventFormat = /^[a-z_]{1,64}$/;

/** Everything that can be known before the body is read. */
export function checkHead(request: IncomingMessage): Head {
  const { headers } = request;
  const length = declaredLength(request);
  if (length !== null && length > maxBodyBytes) {
    return problem(413, "too-large", `Expected at most ${maxBodyBytes} bytes, got ${length}.`);
  }
  const signature = parseSignature(single(headers["x-hub-signature-256"]));
  if (signature === null) {
    return problem(
      401,
      "unsigned",
      "Expected X-Hub-Signature-256: sha256=…; set the App's webhook secret on both sides.",
    );
  }
  const deliveryId = single(headers["x-github-delivery"]);
  const event = single(headers["x-github-event"]);
  if (
    deliveryId === undefined ||
    !deliveryIdFormat.test(deliveryId) ||
    event === undefined ||
    !eventFormat.test(event)
  ) {
    return problem(
      400,
      "headers",
      "Expected the headers X-GitHub-Delivery and X-GitHub-Event as GitHub sends them.",
    );
  }
  if (!/^application\/json *(;|$)/i.test(headers["content-type"] ?? "")) {
    return problem(
      415,
      "content-type",
      "Expected content type application/json; choose it in the App's webhook settings.",
    );
  }
  return { ok: true, deliveryId, event, signature };
}

const problem = (status: number, reason: string, detail: string): Head => ({
  ok: false,
  status,
  reason,
  detail,
});

const single = (value: string | string[] | undefined) => (typeof value === "string" ? value : undefined);
