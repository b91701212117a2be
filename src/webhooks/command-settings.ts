import { readBase } from "../github/thread.ts";
import { readEffectiveSettings, type EffectiveSettings } from "../tasks/effective-settings.ts";
import type { Order } from "./command-order.ts";
import type { TriggerDeps } from "./trigger.ts";

/** The settings in force at the default branch; null where the repository has no commit yet. */
export async function readThreadSettings(
  deps: TriggerDeps,
  { thread, admitted }: Pick<Order, "thread" | "admitted">,
): Promise<EffectiveSettings | null> {
  const { octokit, owner, name } = admitted.client;
  const base = await readBase(octokit, { repository: { owner, name } });
  if (base === null) return null;
  return readEffectiveSettings(deps, {
    accountId: admitted.tenant.accountId,
    installationId: thread.installation.id,
    repository: { id: thread.repository.id, owner, name },
    sha: base.sha,
    from: { octokit },
  });
}
