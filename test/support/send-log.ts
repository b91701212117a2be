import { symbols } from "pino";
import type { Logger } from "../../src/log.ts";

export type LogSink = { write(line: string): void };

/** The same logger, its serializers and all, with its lines going elsewhere; so do those of its children made later. */
export function sendLog(log: Logger, sink: LogSink): Logger {
  if (!Reflect.has(log, symbols.streamSym)) throw new Error("expected a logger of pino");
  Reflect.set(log, symbols.streamSym, sink);
  return log;
}
