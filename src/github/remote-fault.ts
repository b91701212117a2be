import { TransientError, UserError } from "../errors.ts";

/** The settings that let git speak to one remote: the token is bound to its origin and travels in the environment only. */
export function remoteAccess(remoteUrl: string, token: string | null) {
  const url = new URL(remoteUrl);
  const protocol = protocolOf(url);
  if (url.username !== "" || url.password !== "") {
    throw new TypeError("expected a repository address without a credential, got one with user or password");
  }
  const config: Record<string, string> = { "http.lowSpeedLimit": "1000", "http.lowSpeedTime": "60" };
  if (token !== null && protocol !== "file") {
    config[`http.${url.origin}/.extraHeader`] = `Authorization: ${basic(token)}`;
  }
  return { protocol, config };
}

/**
 * Why git could not use a remote. git answers 128 to everything, so the remote is asked over HTTP what it says to the
 * same token; a remote that answers well, or none at all, makes it a passing fault.
 */
export async function explainRemoteFault(input: {
  remoteUrl: string;
  token: string | null;
  service: "git-upload-pack" | "git-receive-pack";
  /** What git said; shown where the remote has no answer of its own. */
  said: string;
  signal?: AbortSignal | undefined;
}): Promise<UserError | TransientError> {
  const passing = (why: string, options?: ConstructorParameters<typeof TransientError>[1]) =>
    new TransientError(`git could not use ${input.remoteUrl}: ${why}`, options);
  if (new URL(input.remoteUrl).protocol === "file:") return passing(input.said);
  const deadline = AbortSignal.timeout(30_000);
  let response: Response;
  try {
    response = await fetch(`${input.remoteUrl}/info/refs?service=${input.service}`, {
      headers: input.token === null ? {} : { authorization: basic(input.token) },
      redirect: "manual",
      signal: input.signal === undefined ? deadline : AbortSignal.any([deadline, input.signal]),
    });
    await response.body?.cancel();
  } catch (cause) {
    input.signal?.throwIfAborted();
    return passing("it cannot be reached", { cause });
  }
  const { status } = response;
  if (status === 429 || status >= 500) {
    return passing(`it answered ${status}`, {
      retryAfterMs: retryAfterMs(response.headers.get("retry-after")),
    });
  }
  const refusal = refusals[status >= 300 && status < 400 ? 301 : status];
  if (refusal === undefined) return passing(input.said);
  const [code, sentence, remedy] = refusal;
  return new UserError(code, `${sentence} (${input.remoteUrl} answered ${status}).`, remedy);
}

const refusals: Readonly<Record<number, readonly [code: string, sentence: string, remedy: string]>> = {
  301: [
    "repository-moved",
    "The repository has moved",
    "Repeat the command; the new name is read from GitHub then.",
  ],
  401: [
    "repository-token-refused",
    "The App's token for this repository was not accepted",
    "Check that the App is still installed on the repository, then repeat the command.",
  ],
  403: [
    "repository-forbidden",
    "The App may not read or write the contents of this repository",
    "Grant the App read and write access to contents (settings of the installation), then repeat the command.",
  ],
  404: [
    "repository-not-found",
    "The repository does not exist or the App is not installed on it",
    "Check that the App is still installed on the repository, then repeat the command.",
  ],
};

function protocolOf(url: URL): "file" | "http" | "https" {
  if (url.protocol === "https:") return "https";
  if (url.protocol === "http:") return "http";
  if (url.protocol === "file:") return "file";
  throw new TypeError(`expected an https, http or file address, got ${url.protocol}`);
}

function basic(token: string): string {
  return `Basic ${Buffer.from(`x-access-token:${token}`).toString("base64")}`;
}

function retryAfterMs(header: string | null): number | undefined {
  return header !== null && /^\d{1,6}$/.test(header) ? Number(header) * 1_000 : undefined;
}
