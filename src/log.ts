import { pino, type Logger } from "pino";
import type { Config } from "./config.ts";

export type { Logger } from "pino";

/**
 * The program's logger: JSON lines on stdout. Of an error it keeps type, code, message, stack and cause, and nothing
 * that hangs onto it: Probot adds the webhook, Octokit the request, the database layer the values of a query, and
 * none of them belong into a log.
 */
export function createLogger(config: Pick<Config, "logLevel">, name: string): Logger {
  return pino({ name, level: config.logLevel, serializers: { err: describeError } });
}

type ErrorLine = {
  type: string;
  message: string;
  code?: string;
  status?: number;
  stack?: string;
  cause?: ErrorLine;
};

const maxDepth = 5;

function describeError(error: unknown, depth = 0): ErrorLine | undefined {
  if (!(error instanceof Error)) return undefined;
  const message = "params" in error && "query" in error ? "a query failed" : error.message;
  const cause = depth < maxDepth ? describeError(error.cause, depth + 1) : undefined;
  return {
    type: error.constructor.name,
    message,
    ...("code" in error && typeof error.code === "string" ? { code: error.code } : {}),
    ...("status" in error && typeof error.status === "number" ? { status: error.status } : {}),
    ...(error.stack === undefined ? {} : { stack: framesOf(error.stack) }),
    ...(cause === undefined ? {} : { cause }),
  };
}

/** The stack without its head, which repeats the message. */
function framesOf(stack: string): string {
  return stack
    .split("\n")
    .filter((line) => line.startsWith("    at "))
    .join("\n");
}
