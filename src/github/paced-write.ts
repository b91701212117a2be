import type { Db } from "../../db/client.ts";
import { TransientError } from "../errors.ts";
import { isMissing, toGitHubError } from "./github-error.ts";
import { waitForPace, type WriteUrgency } from "./pace.ts";
import { blockWrites } from "./pace-store.ts";

export type WriteInput<T> = {
  installationId: number;
  urgency: WriteUrgency;
  /** For messages: "writing a comment". */
  doing: string;
  write: () => Promise<T>;
  signal?: AbortSignal;
};

/**
 * One write to GitHub at the installation's pace; never repeated here. When GitHub asks to slow down, all writes of
 * the installation wait, in every worker. Null when the target does not exist (any more).
 */
export async function pacedWrite<T>(deps: { system: Db }, input: WriteInput<T>): Promise<T | null> {
  await waitForPace(deps, input);
  try {
    return await input.write();
  } catch (thrown) {
    if (isMissing(thrown)) return null;
    const error = toGitHubError(thrown, input.doing);
    if (error instanceof TransientError && error.retryAfterMs !== undefined) {
      await blockWrites(deps.system, input.installationId, error.retryAfterMs);
    }
    throw error;
  }
}
