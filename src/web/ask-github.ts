import { TransientError, toError } from "../errors.ts";

const timeoutMs = 15_000;

export type Asked = { status: number; /** Null where the answer is no JSON. */ body: unknown };

/** One request to GitHub on behalf of a browser; never repeated. TransientError: no answer, or none of use. */
export async function askGitHub(
  url: string,
  init: { method: "GET" | "POST" | "DELETE"; headers?: Record<string, string>; body?: string },
): Promise<Asked> {
  const response = await send(url, init);
  if (response.status >= 500 || response.status === 429)
    throw new TransientError(`GitHub answered ${response.status}`);
  return response;
}

async function send(url: string, init: Parameters<typeof askGitHub>[1]): Promise<Asked> {
  try {
    const response = await fetch(url, {
      method: init.method,
      headers: { accept: "application/json", "user-agent": "remote-claude", ...init.headers },
      ...(init.body === undefined ? {} : { body: init.body }),
      redirect: "error",
      signal: AbortSignal.timeout(timeoutMs),
    });
    return { status: response.status, body: parse(await response.text()) };
  } catch (cause) {
    throw new TransientError(`GitHub could not be asked: ${toError(cause).message}`, { cause });
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
