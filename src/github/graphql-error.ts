import { toError, TransientError } from "../errors.ts";
import { refusalOf, toGitHubError } from "./github-error.ts";

/** GraphQL answers 200 and says in `errors` what went wrong, by type. */
type GraphqlFailure = Error & { errors: readonly { type?: string; message: string }[] };

const statusByType: Readonly<Record<string, number>> = {
  NOT_FOUND: 404,
  FORBIDDEN: 403,
  INSUFFICIENT_SCOPES: 403,
  UNPROCESSABLE: 422,
};

/** A rejected GraphQL call as one of our classes, as `toGitHubError` does it for REST. */
export function graphqlError(thrown: unknown, doing: string): Error {
  const error = toError(thrown);
  if (!isGraphqlFailure(error)) return toGitHubError(error, doing);
  const types = error.errors.map(({ type }) => type ?? "");
  if (types.includes("RATE_LIMITED"))
    return new TransientError(`GitHub asked us to slow down while ${doing}`, {
      cause: error,
      retryAfterMs: 60_000,
    });
  const status = types.map((type) => statusByType[type]).find((known) => known !== undefined);
  // An error without a known type is GitHub's "Something went wrong while executing your query".
  return status === undefined
    ? new TransientError(`GitHub's GraphQL said ${JSON.stringify(error.errors)} while ${doing}`, {
        cause: error,
      })
    : refusalOf(status, doing, error);
}

function isGraphqlFailure(error: Error): error is GraphqlFailure {
  return error.name === "GraphqlResponseError" && "errors" in error && Array.isArray(error.errors);
}
