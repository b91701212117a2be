import { realpathSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { UserError, toError } from "./errors.ts";

/** Whether this module is what node was started with (import.meta.main needs a newer Node than we ask for). */
export function isMain(moduleUrl: string): boolean {
  const started = process.argv[1];
  return started !== undefined && moduleUrl === pathToFileURL(realpathSync(started)).href;
}

type Stoppable = { stop(): Promise<void> };

/**
 * Runs one of the program's processes: starts it, stops it in order on SIGTERM or SIGINT (a second signal ends
 * it at once), and says a configuration mistake in words instead of a stack. Exit codes: 0 stopped, 1 failed,
 * 78 misconfigured (sysexits' EX_CONFIG; the supervisor does not try again).
 */
export async function runProcess(name: string, start: () => Promise<Stoppable>): Promise<void> {
  let running: Stoppable | undefined;
  let stopping = false;
  const stop = (signal: NodeJS.Signals) => {
    if (stopping) process.exit(1);
    stopping = true;
    void (running?.stop() ?? Promise.resolve()).then(
      () => process.exit(0),
      (error: unknown) => fail(`${name} did not stop in order after ${signal}`, error),
    );
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  process.once("disconnect", () => stop("SIGTERM"));
  process.on("unhandledRejection", (error) =>
    fail(`${name}: a promise was rejected and nobody took it`, error),
  );
  try {
    running = await start();
  } catch (error) {
    fail(`${name} did not start`, error);
  }
}

function fail(what: string, thrown: unknown): never {
  const error = toError(thrown);
  if (error instanceof UserError) {
    process.stderr.write(`${what}.\n${error.message}\n${error.remedy}\n`);
    process.exit(78);
  }
  process.stderr.write(`${what}.\n${error.stack ?? error.message}\n`);
  process.exit(1);
}
