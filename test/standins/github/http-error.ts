import type { JsonObject } from "./json.ts";

/** A refusal as GitHub words it: `status` and body go to the caller as they stand. */
export class HttpError extends Error {
  override readonly name = "HttpError";
  readonly status: number;
  readonly body: JsonObject;
  readonly headers: Record<string, string>;

  constructor(
    status: number,
    message: string,
    more?: { body?: JsonObject; headers?: Record<string, string> },
  ) {
    super(message);
    this.status = status;
    this.body = {
      message,
      documentation_url: "https://docs.github.com/rest",
      status: String(status),
      ...more?.body,
    };
    this.headers = more?.headers ?? {};
  }
}

/** 404 as GitHub gives it for what is not there and for what must not be seen. */
export function notFound(): HttpError {
  return new HttpError(404, "Not Found");
}

/** 422 with one entry in `errors`. */
export function invalid(
  resource: string,
  more: { field?: string; code?: string; message?: string },
): HttpError {
  const error = { resource, code: more.code ?? (more.message === undefined ? "invalid" : "custom"), ...more };
  const message = more.message === undefined ? "Validation Failed" : `Validation Failed: ${more.message}`;
  return new HttpError(422, message, { body: { errors: [error] } });
}

/** The refusal an installation token gets when a permission is missing. */
export function notAccessible(accepted: string): HttpError {
  return new HttpError(403, "Resource not accessible by integration", {
    headers: { "x-accepted-github-permissions": accepted },
  });
}
