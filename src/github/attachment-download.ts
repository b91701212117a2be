import { TransientError } from "../errors.ts";
import type { AttachmentHosts } from "./attachment-hosts.ts";
import { headBytes, refuseHead } from "./attachment-type.ts";

/** `refused`: GitHub knows no such file for this caller, another way to it may work. `failed`: a sentence's end for people. */
export type Download =
  | { kind: "file"; bytes: Uint8Array; contentType: string | null }
  | { kind: "refused"; status: number }
  | { kind: "failed"; reason: string };

export type DownloadInput = {
  url: string;
  /** Shown to the first address only, and only where `hosts` allows it. */
  token: string | null;
  hosts: AttachmentHosts;
  maxBytes: number;
  /** What is said of a larger file. */
  tooLarge: string;
  requestTimeoutMs: number;
  signal: AbortSignal;
};

/** GitHub itself needs one or two. */
const maxRedirects = 4;

/**
 * One file by GET, once. Redirects are followed by hand, so that every address is judged and none but the first can see
 * the token. TransientError for what may pass (5xx, 429, a broken connection, silence); the signal's own reason when it ends.
 */
export async function downloadAttachment(input: DownloadInput): Promise<Download> {
  const deadline = AbortSignal.timeout(input.requestTimeoutMs);
  const signal = AbortSignal.any([input.signal, deadline]);
  try {
    return await follow(input, signal);
  } catch (error) {
    input.signal.throwIfAborted();
    if (error instanceof TransientError) throw error;
    const what = deadline.aborted ? "no answer in time" : "the connection broke";
    throw new TransientError(what, { cause: error });
  }
}

async function follow(input: DownloadInput, signal: AbortSignal): Promise<Download> {
  const { hosts } = input;
  let url = new URL(input.url);
  let token = input.token !== null && hosts.takesToken(url) ? input.token : null;
  for (let hop = 0; hop <= maxRedirects; hop++) {
    const response = await get(url, token, signal);
    token = null;
    if (response.status < 300 || response.status >= 400) return read(input, response);
    await response.body?.cancel();
    const location = response.headers.get("location");
    const next = location === null ? null : URL.parse(location, url.href);
    if (next === null) return { kind: "failed", reason: "GitHub's redirect leads nowhere" };
    const place = hosts.judgeRedirect(next);
    // A sign-in page: this caller may not have it.
    if (place === "page") return { kind: "refused", status: response.status };
    if (place === "foreign") {
      return { kind: "failed", reason: `it leads away from GitHub, to ${next.host || next.protocol}` };
    }
    url = next;
  }
  return { kind: "failed", reason: `more than ${maxRedirects} redirects` };
}

function get(url: URL, token: string | null, signal: AbortSignal): Promise<Response> {
  return fetch(url, {
    headers: {
      accept: "*/*",
      // A compressed answer could grow on its way in.
      "accept-encoding": "identity",
      "user-agent": "remote-claude",
      ...(token === null ? {} : { authorization: `token ${token}` }),
    },
    redirect: "manual",
    signal,
  });
}

async function read(input: DownloadInput, response: Response): Promise<Download> {
  const { status, headers } = response;
  if (status !== 200) {
    await response.body?.cancel();
    if (status === 429 || status >= 500) {
      throw new TransientError(`GitHub answered ${status}`, { retryAfterMs: readRetryAfterMs(headers) });
    }
    if ([400, 401, 403, 404, 410].includes(status)) return { kind: "refused", status };
    return { kind: "failed", reason: `GitHub answered ${status}` };
  }
  if (Number(headers.get("content-length")) > input.maxBytes) {
    await response.body?.cancel();
    return { kind: "failed", reason: input.tooLarge };
  }
  return readBody(input, response);
}

async function readBody(input: DownloadInput, response: Response): Promise<Download> {
  const chunks: Uint8Array[] = [];
  let total = 0;
  let judged = false;
  // Leaving the loop cancels the body, and with it the connection.
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    chunks.push(chunk);
    total += chunk.length;
    if (total > input.maxBytes) return { kind: "failed", reason: input.tooLarge };
    if (judged || total < headBytes) continue;
    judged = true;
    const reason = await refuseHead(Buffer.concat(chunks).subarray(0, headBytes));
    if (reason !== null) return { kind: "failed", reason };
  }
  return {
    kind: "file",
    bytes: Buffer.concat(chunks, total),
    contentType: response.headers.get("content-type"),
  };
}

function readRetryAfterMs(headers: Headers): number | undefined {
  const value = headers.get("retry-after");
  return value !== null && /^\d{1,6}$/.test(value) ? Number(value) * 1_000 : undefined;
}
