/** A request that the API refuses, as NestJS words it. */
export class Refusal extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const names: Readonly<Record<number, string>> = {
  400: "Bad Request",
  401: "Unauthorized",
  404: "Not Found",
  409: "Conflict",
  429: "Too Many Requests",
  500: "Internal Server Error",
  503: "Service Unavailable",
};

export function refusalBody(path: string, status: number, message: string) {
  return {
    path,
    timestamp: new Date().toISOString(),
    statusCode: status,
    error: names[status] ?? "Error",
    message,
  };
}
