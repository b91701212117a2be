import { pino, stdSerializers, type Logger } from "pino";
import type { Config } from "./config.ts";

export type { Logger } from "pino";

/**
 * The program's logger: JSON lines on stdout. Errors lose the webhook that Probot hangs onto them, so that
 * the text of a private issue never reaches a log.
 */
export function createLogger(config: Pick<Config, "logLevel">, name: string): Logger {
  return pino({
    name,
    level: config.logLevel,
    serializers: { err: withoutPayload },
    redact: ["*.headers.authorization", "*.request.headers.authorization", "*.token"],
  });
}

function withoutPayload(error: Error): object {
  const serialized = stdSerializers.err(error);
  const {
    event: _event,
    aggregateErrors: _aggregate,
    request: _request,
    response: _response,
    ...rest
  } = serialized;
  return rest;
}
