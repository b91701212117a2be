import { createHmac, randomUUID } from "node:crypto";

export const secret = "the current secret of this App";
export const previousSecret = "the secret before that one";

export type Delivery = {
  event: string;
  body: unknown;
  id?: string;
  signedWith?: string;
  /** Beside or instead of what GitHub sends; null leaves one out. */
  headers?: Record<string, string | null>;
};

export const sign = (body: string, key = secret) =>
  `sha256=${createHmac("sha256", key).update(body).digest("hex")}`;

/** The headers and the body that GitHub would send. A string is sent as it is. */
export function toRequest({ event, body, id = randomUUID(), signedWith = secret, headers = {} }: Delivery) {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const all: Record<string, string | null> = {
    "content-type": "application/json",
    "x-github-event": event,
    "x-github-delivery": id,
    "x-hub-signature-256": sign(text, signedWith),
    ...headers,
  };
  const kept = Object.entries(all).filter((pair): pair is [string, string] => pair[1] !== null);
  return { text, headers: Object.fromEntries(kept) };
}

/** Delivers as GitHub does and answers what it would see. */
export async function sendDelivery(url: string, delivery: Delivery) {
  const { text, headers } = toRequest(delivery);
  const response = await fetch(`${url}/api/github/webhooks`, { method: "POST", body: text, headers });
  const answer = (await response.json()) as { outcome?: string; detail?: string };
  return { status: response.status, retryAfter: response.headers.get("retry-after"), ...answer };
}
