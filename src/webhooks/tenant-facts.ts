import type { TenantFacts } from "../tasks/tenant-store.ts";
import type { ThreadEvent, TriggerDeps } from "./trigger.ts";

/** What a webhook says about whose repository it is. */
export function tenantFacts(deps: Pick<TriggerDeps, "config">, event: ThreadEvent): TenantFacts {
  const { owner } = event.repository;
  return {
    account: {
      githubId: owner.id,
      login: owner.login,
      kind: owner.type,
      maxParallelTasks: deps.config.limits.accountParallelTasks,
    },
    installationId: event.installation.id,
    repository: {
      id: event.repository.id,
      owner: owner.login,
      name: event.repository.name,
      private: event.repository.private,
    },
  };
}
