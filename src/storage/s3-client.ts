import { setTimeout as delay } from "node:timers/promises";
import { AwsV4Signer } from "aws4fetch";
import type { Logger } from "../log.ts";
import type { S3Config } from "../sandbox-settings.ts";
import { exchange, type S3Answer, type S3Payload } from "./s3-exchange.ts";
import { S3Fault, mayPass } from "./s3-fault.ts";
import { readText } from "./read-text.ts";

export type S3Request = {
  method: "GET" | "PUT" | "DELETE";
  url: string;
  payload?: S3Payload;
};

/**
 * Signs a request, sends it, and hands the answer over when it is 200 or 204; repeats all of it after what may pass.
 * Throws an S3Fault, and what `take` or the payload throws.
 */
export type S3Client = <Result>(
  request: S3Request,
  take: (answer: S3Answer) => Promise<Result>,
) => Promise<Result>;

export type S3Patience = {
  attempts: number;
  /** The first pause at most; each later one is up to four times longer, and a random part of that. */
  firstPauseMs: number;
  stallMs: number;
};

const maxPauseMs = 20_000;

/** Whatever is asked of it may be asked twice: it knows no other methods, and a PUT carries the same bytes each time. */
export function createS3Client(
  config: S3Config,
  deps: { log: Pick<Logger, "warn">; patience: S3Patience },
): S3Client {
  const { patience } = deps;
  return async (request, take) => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await tryOnce({ config, stallMs: patience.stallMs }, request, take);
      } catch (error) {
        if (!(error instanceof S3Fault) || !mayPass(error) || attempt >= patience.attempts) throw error;
        const wanted = error.retryAfterMs ?? patience.firstPauseMs * 4 ** (attempt - 1) * Math.random();
        const pauseMs = Math.min(maxPauseMs, wanted);
        deps.log.warn(
          { method: request.method, attempt, pauseMs, fault: error.message },
          "checkpoint storage is tried again",
        );
        await delay(pauseMs);
      }
    }
  };
}

async function tryOnce<Result>(
  deps: { config: S3Config; stallMs: number },
  request: S3Request,
  take: (answer: S3Answer) => Promise<Result>,
): Promise<Result> {
  const { url, headers } = await sign(deps.config, request);
  const signed = { method: request.method, url, headers, payload: request.payload ?? null };
  return await exchange(signed, deps.stallMs, async (answer) => {
    if (answer.status !== 200 && answer.status !== 204) throw await readFault(answer);
    return await take(answer);
  });
}

const emptySha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

async function sign(
  config: S3Config,
  request: S3Request,
): Promise<{ url: URL; headers: Record<string, string> }> {
  const signer = new AwsV4Signer({
    accessKeyId: config.accessKeyId,
    secretAccessKey: config.secretAccessKey,
    region: config.region,
    service: "s3",
    method: request.method,
    url: request.url,
    headers: { "x-amz-content-sha256": request.payload?.sha256 ?? emptySha256 },
  });
  const { url, headers } = await signer.sign();
  return {
    url,
    headers: {
      ...Object.fromEntries(headers),
      // Else an upload goes out in chunks of unknown number, which S3 refuses.
      ...(request.payload === undefined ? {} : { "content-length": String(request.payload.bytes) }),
    },
  };
}

/** Longer than any error S3 writes. */
const maxErrorBytes = 64 * 2 ** 10;

/** What an answer that is no success says, in S3's words where it has them. */
async function readFault(answer: S3Answer): Promise<S3Fault> {
  const text = await readText(answer.body(), maxErrorBytes);
  const code = /<Error>[^]*?<Code>([A-Za-z0-9.]{1,64})<\/Code>/.exec(text)?.[1] ?? null;
  const seconds = Number(answer.headers["retry-after"] ?? Number.NaN);
  return new S3Fault({
    status: answer.status,
    code,
    retryAfterMs: Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : undefined,
  });
}
