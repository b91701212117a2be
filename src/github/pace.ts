import { setTimeout as delay } from "node:timers/promises";
import type { Db } from "../../db/client.ts";
import { takeToken } from "./pace-store.ts";

/** What must stay in the bucket for more urgent writes: a reaction may take the last token, an edit may not. */
const floorByUrgency = { reaction: 0, pullRequest: 2, firstStatus: 4, edit: 8 } as const;
export type WriteUrgency = keyof typeof floorByUrgency;

/**
 * Waits until this installation may write to GitHub once more. One bucket in the database serves all
 * workers; `signal` ends the wait by rejecting.
 */
export async function waitForPace(
  deps: { system: Db },
  input: { installationId: number; urgency: WriteUrgency; signal?: AbortSignal },
): Promise<void> {
  while (true) {
    const waitMs = await takeToken(deps.system, input.installationId, floorByUrgency[input.urgency]);
    if (waitMs === 0) return;
    await delay(waitMs, undefined, input.signal === undefined ? {} : { signal: input.signal });
  }
}
