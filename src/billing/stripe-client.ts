import Stripe from "stripe";

export type StripeSettings = {
  secretKey: string;
  /** `https://api.stripe.com`, or another server that speaks the same. */
  apiUrl: string;
};

const timeoutMs = 20_000;

/** The genuine SDK. It never repeats a request by itself: what is sent again is the outbox's to say. */
export function createStripeClient({ secretKey, apiUrl }: StripeSettings): Stripe {
  const { protocol, hostname, port } = new URL(apiUrl);
  const isPlain = protocol === "http:";
  return new Stripe(secretKey, {
    // The version that the SDK's types describe; a newer SDK does not compile until this is looked at.
    apiVersion: "2026-10-28.endive",
    protocol: isPlain ? "http" : "https",
    host: hostname,
    port: port === "" ? (isPlain ? 80 : 443) : Number(port),
    maxNetworkRetries: 0,
    telemetry: false,
    timeout: timeoutMs,
  });
}
