import { and, eq } from "drizzle-orm";
import type { Tx } from "../../db/client.ts";
import { sandbox } from "../../db/schema.ts";
import type { Session } from "../sessions/session-store.ts";

export type MachineStatus = Pick<typeof sandbox.$inferSelect, "provider" | "status">;

/** How the machine in use by a session was last seen; null when it uses none. */
export async function findMachineStatus(
  tx: Tx,
  { sandboxProvider, sandboxId }: Pick<Session, "sandboxProvider" | "sandboxId">,
): Promise<MachineStatus | null> {
  if (sandboxProvider === null || sandboxId === null) return null;
  const [row] = await tx
    .select({ provider: sandbox.provider, status: sandbox.status })
    .from(sandbox)
    .where(and(eq(sandbox.provider, sandboxProvider), eq(sandbox.id, sandboxId)));
  return row ?? null;
}
