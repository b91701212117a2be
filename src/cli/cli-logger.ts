import { pino } from "pino";
import type { Logger } from "../log.ts";
import type { CliIo } from "./cli-io.ts";

/** What libraries complain of, as JSON lines beside the command's output and never in it. */
export function createCliLogger(io: Pick<CliIo, "writeError">): Logger {
  return pino({ name: "cli", level: "warn" }, { write: (line: string) => io.writeError(line) });
}
