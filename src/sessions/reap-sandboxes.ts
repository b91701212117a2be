import type { Deps } from "../deps.ts";
import { appName } from "./open-session.ts";
import { findSessionsById } from "./session-store.ts";

/** A machine this young may belong to a session whose row is just being written. */
const youngMs = 10 * 60_000;

/** Ends machines whose session is over or was never stored. Rejects when one could not be ended, after all the others. */
export async function reapSandboxes(
  deps: Pick<Deps, "system" | "sandboxes" | "clock" | "log">,
): Promise<void> {
  const machines = await deps.sandboxes.list({ app: appName });
  const sessions = await findSessionsById(
    deps.system,
    machines.map(({ metadata }) => metadata.session),
  );
  const failures: unknown[] = [];
  for (const { id, metadata, startedAt } of machines) {
    const session = sessions.get(metadata.session);
    const over =
      session === undefined
        ? deps.clock.now().getTime() - startedAt.getTime() > youngMs
        : session.endedAt !== null;
    const stray = session !== undefined && session.sandboxId !== null && session.sandboxId !== id;
    if (!over && !stray) continue;
    try {
      const ended = await deps.sandboxes.killById(id);
      deps.log.info(
        { sandboxId: id, sessionId: metadata.session, ended },
        "a sandbox without a live session was removed",
      );
    } catch (error) {
      failures.push(error);
    }
  }
  // One machine that cannot be ended must not keep the others alive; the queue comes again for it.
  if (failures.length > 0)
    throw new AggregateError(failures, `${failures.length} sandboxes could not be removed`);
}
