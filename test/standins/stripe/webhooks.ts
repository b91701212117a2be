import { createHmac } from "node:crypto";
import { text } from "./json.ts";
import type { JsonObject } from "./json.ts";

export type Endpoint = {
  id: string;
  url: string;
  secret: string;
  kind: "snapshot" | "thin";
  /** Event types, or `*`. */
  events: readonly string[];
  enabled: boolean;
};

export type Delivery = {
  eventId: string;
  type: string;
  endpointId: string;
  /** What the receiver answered; null when nobody did. */
  status: number | null;
};

export type SendOptions = {
  /** Instead of the endpoint's; several sign as while a secret is rotated. */
  secrets?: readonly string[];
  /** What the signature says it was made at; now without it. */
  signedAt?: Date;
  /** Sent as it is, whatever was signed. */
  tamper?: (body: string) => string;
};

export type Deliveries = {
  endpoints: Map<string, Endpoint>;
  done: Delivery[];
  /** Sends an event to whoever listens for it, or keeps it back while held. */
  announce(kind: Endpoint["kind"], event: JsonObject): void;
  hold(): void;
  /** Events kept back, the oldest first. */
  held(): JsonObject[];
  /** Sends what was kept back, in the order made, and holds no more. */
  release(): void;
  /** Sends one event once more. */
  send(event: JsonObject, options?: SendOptions): Promise<Delivery[]>;
  /** Sends whatever was not taken with a 2xx once more, as Stripe does for three days. */
  retry(): Promise<Delivery[]>;
  /** Waits until every delivery under way is answered. */
  settled(): Promise<void>;
};

/** Opens the sender of signed webhooks. Signatures carry the machine's time, for receivers compare with theirs. */
export function openDeliveries(): Deliveries {
  const endpoints = new Map<string, Endpoint>();
  const done: Delivery[] = [];
  const sent = new Map<string, { event: JsonObject; endpointId: string }>();
  let kept: JsonObject[] | null = null;
  let line = Promise.resolve();
  const send = async (event: JsonObject, options: SendOptions = {}): Promise<Delivery[]> => {
    const kind = event["object"] === "v2.core.event" ? "thin" : "snapshot";
    const listening = [...endpoints.values()].filter((one) => listens(one, kind, text(event, "type")));
    const deliveries = await Promise.all(listening.map((endpoint) => post(endpoint, event, options)));
    for (const { eventId, endpointId } of deliveries)
      sent.set(`${eventId} ${endpointId}`, { event, endpointId });
    done.push(...deliveries);
    return deliveries;
  };
  const enqueue = (event: JsonObject): void => {
    line = line.then(async () => {
      await send(event);
    });
  };
  return {
    endpoints,
    done,
    announce: (_kind, event) => {
      if (kept === null) enqueue(event);
      else kept.push(event);
    },
    hold: () => {
      kept ??= [];
    },
    held: () => kept ?? [],
    release: () => {
      const events = kept ?? [];
      kept = null;
      events.forEach(enqueue);
    },
    send,
    retry: async () => {
      const isTaken = (one: Delivery) => one.status !== null && one.status >= 200 && one.status < 300;
      const again: Delivery[] = [];
      for (const { event, endpointId } of sent.values()) {
        const endpoint = endpoints.get(endpointId);
        const tries = done.filter((one) => one.eventId === event["id"] && one.endpointId === endpointId);
        if (endpoint !== undefined && !tries.some(isTaken)) again.push(await post(endpoint, event, {}));
      }
      done.push(...again);
      return again;
    },
    settled: async () => {
      let seen;
      do {
        seen = line;
        await seen;
      } while (seen !== line);
    },
  };
}

function listens(endpoint: Endpoint, kind: Endpoint["kind"], type: string): boolean {
  return (
    endpoint.enabled && endpoint.kind === kind && endpoint.events.some((one) => one === "*" || one === type)
  );
}

async function post(endpoint: Endpoint, event: JsonObject, options: SendOptions): Promise<Delivery> {
  const body = JSON.stringify(event);
  const seconds = Math.floor((options.signedAt ?? new Date()).getTime() / 1000);
  const delivery = { eventId: text(event, "id"), type: text(event, "type"), endpointId: endpoint.id };
  try {
    const response = await fetch(endpoint.url, {
      method: "POST",
      headers: {
        "content-type": "application/json; charset=utf-8",
        "stripe-signature": sign(body, seconds, options.secrets ?? [endpoint.secret]),
        "user-agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
      },
      body: options.tamper?.(body) ?? body,
      redirect: "manual",
    });
    await response.arrayBuffer();
    return { ...delivery, status: response.status };
  } catch (error) {
    // fetch says TypeError for a receiver that is gone; Stripe writes that down and tries again later.
    if (error instanceof TypeError) return { ...delivery, status: null };
    throw error;
  }
}

/** The header Stripe-Signature: HMAC-SHA256 over time and body, one `v1` for each secret. */
function sign(body: string, seconds: number, secrets: readonly string[]): string {
  const signatures = secrets.map(
    (secret) => `v1=${createHmac("sha256", secret).update(`${seconds}.${body}`).digest("hex")}`,
  );
  return [`t=${seconds}`, ...signatures].join(",");
}
