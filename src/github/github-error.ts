import { TransientError, UserError, toError } from "../errors.ts";

/** GitHub refused for good: the status tells why. */
export class GitHubRefusal extends UserError {
  readonly status: number;

  constructor(status: number, message: string, remedy: string, options?: ErrorOptions) {
    super(`github-${status}`, message, remedy, options);
    this.status = status;
  }
}

type HttpFailure = Error & {
  status: number;
  response?: { headers?: Record<string, string | number | undefined> };
};

/** A rejected Octokit call as one of our classes: rate limits and outages are transient, the rest is a refusal. */
export function toGitHubError(thrown: unknown, doing: string): Error {
  const error = toError(thrown);
  if (error instanceof GitHubRefusal || !isHttpFailure(error)) return error;
  const headers = error.response?.headers ?? {};
  const retryAfterMs = readRetryAfterMs(headers);
  if (error.status === 429 || (error.status === 403 && retryAfterMs !== undefined)) {
    return new TransientError(`GitHub asked us to slow down while ${doing}`, {
      cause: error,
      retryAfterMs: retryAfterMs ?? 60_000,
    });
  }
  // Octokit reports a connection that broke as status 500 too.
  if (error.status >= 500) {
    return new TransientError(`GitHub answered ${error.status} while ${doing}`, { cause: error });
  }
  return refusalOf(error.status, doing, error);
}

/** The refusal that an answer of this status means. */
export function refusalOf(status: number, doing: string, cause?: Error): GitHubRefusal {
  const message = `GitHub answered ${status} while ${doing}.`;
  return new GitHubRefusal(status, message, remedyFor(status), cause === undefined ? {} : { cause });
}

function isHttpFailure(error: Error): error is HttpFailure {
  return "status" in error && typeof error.status === "number";
}

function readRetryAfterMs(headers: Record<string, string | number | undefined>): number | undefined {
  const retryAfter = Number(headers["retry-after"]);
  if (Number.isFinite(retryAfter) && retryAfter > 0) return retryAfter * 1000;
  if (String(headers["x-ratelimit-remaining"]) !== "0") return undefined;
  const resetMs = Number(headers["x-ratelimit-reset"]) * 1000 - Date.now();
  return Number.isFinite(resetMs) ? Math.max(resetMs, 1000) : 60_000;
}

function remedyFor(status: number): string {
  if (status === 401) return "The App's credentials were not accepted: check APP_ID and PRIVATE_KEY.";
  if (status === 403)
    return "The App lacks a permission here: accept its requested permissions in the installation's settings.";
  if (status === 404 || status === 410)
    return "It may have been deleted, moved, or taken out of the App's installation.";
  return "Look at the server's log for GitHub's answer; repeating the command may help.";
}

/** True for an answer that says "no such thing", which is often no failure at all. */
export function isMissing(error: unknown): boolean {
  return error instanceof Error && "status" in error && (error.status === 404 || error.status === 410);
}
