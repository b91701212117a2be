import { createHmac, randomUUID } from "node:crypto";
import { connect } from "node:net";

/** One request as it goes over the wire, except for its delivery id. */
export type Shot = { body: Buffer; signature: string };

export type LoadResult = {
  answers: number;
  /** Answers that were not 2xx. */
  refused: number;
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
};

/** Signs a body as GitHub does. */
export function toShot(body: Buffer, secret: string): Shot {
  return { body, signature: createHmac("sha256", secret).update(body).digest("hex") };
}

/**
 * Delivers webhooks as fast as the server answers, over so many connections, each delivery under an id of its
 * own. It writes to bare sockets, because a client library would take more of the two cores than the servers do.
 */
export async function load(input: {
  url: string;
  connections: number;
  seconds: number;
  next: () => Shot;
}): Promise<LoadResult> {
  const target = new URL(input.url);
  const latencies: number[] = [];
  let refused = 0;
  const until = performance.now() + input.seconds * 1_000;
  const run = () =>
    new Promise<void>((resolve, reject) => {
      const socket = connect({ host: target.hostname, port: Number(target.port), noDelay: true });
      let sentAt = 0;
      let received = "";
      const fire = () => {
        if (performance.now() >= until) {
          socket.destroy();
          resolve();
          return;
        }
        const { body, signature } = input.next();
        sentAt = performance.now();
        socket.cork();
        socket.write(headOf(body.length, signature));
        socket.write(body);
        socket.uncork();
      };
      socket.on("connect", fire).on("error", reject);
      socket.on("data", (chunk: Buffer) => {
        received += chunk.toString("latin1");
        const length = answerLength(received);
        if (length === null || received.length < length) return;
        latencies.push(performance.now() - sentAt);
        if (!received.startsWith("HTTP/1.1 2")) refused += 1;
        received = "";
        fire();
      });
    });
  const since = performance.now();
  await Promise.all(Array.from({ length: input.connections }, run));
  const seconds = (performance.now() - since) / 1_000;
  latencies.sort((a, b) => a - b);
  const quantile = (q: number) => latencies[Math.floor(latencies.length * q)] ?? Number.NaN;
  return {
    answers: latencies.length,
    refused,
    perSecond: (latencies.length - refused) / seconds,
    p50Ms: quantile(0.5),
    p99Ms: quantile(0.99),
  };
}

function headOf(length: number, signature: string): string {
  return [
    "POST /api/github/webhooks HTTP/1.1",
    "host: 127.0.0.1",
    "content-type: application/json",
    `content-length: ${length}`,
    "x-github-event: issue_comment",
    `x-github-delivery: ${randomUUID()}`,
    `x-hub-signature-256: sha256=${signature}`,
    "\r\n",
  ].join("\r\n");
}

/** How long the whole answer is, as soon as its head is here. Every server compared here states its length. */
function answerLength(received: string): number | null {
  const end = received.indexOf("\r\n\r\n");
  if (end === -1) return null;
  const length = /\r\ncontent-length: (\d+)/i.exec(received.slice(0, end))?.[1];
  return end + 4 + Number(length ?? 0);
}
