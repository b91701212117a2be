import type { Deps } from "../deps.ts";
import { appName } from "./open-session.ts";
import { findSessionsById } from "./session-store.ts";

/** A machine this young may belong to a session whose row is just being written. */
const youngMs = 10 * 60_000;

/** Ends machines whose session is over or was never stored; one that cannot be ended is tried again next time. */
export async function reapSandboxes(
  deps: Pick<Deps, "system" | "sandboxes" | "clock" | "log">,
): Promise<void> {
  const machines = await deps.sandboxes.list({ app: appName });
  const sessions = await findSessionsById(
    deps.system,
    machines.map(({ metadata }) => metadata.session),
  );
  for (const { id, metadata, startedAt } of machines) {
    const session = sessions.get(metadata.session);
    const over =
      session === undefined
        ? deps.clock.now().getTime() - startedAt.getTime() > youngMs
        : session.endedAt !== null;
    const stray = session !== undefined && session.sandboxId !== null && session.sandboxId !== id;
    if (!over && !stray) continue;
    const ended = await deps.sandboxes.killById(id);
    deps.log.info(
      { sandboxId: id, sessionId: metadata.session, ended },
      "a sandbox without a live session was removed",
    );
  }
}
