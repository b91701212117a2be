import { GitHubRefusal } from "../github/github-error.ts";
import { readEffectiveSettings } from "../tasks/effective-settings.ts";
import { findAccountOfInstallation } from "../tasks/tenant-store.ts";
import { isSameLabel } from "./gate.ts";
import type { IssueLabeled } from "./payloads.ts";
import type { TriggerDeps } from "./trigger.ts";

/**
 * Sifts out the labels that start nothing, of which there are many, by what was read of the repository's settings within a
 * minute. The server's own label passes at once: the gate reads anew and has the last word.
 */
export async function mayBeTriggerLabel(deps: TriggerDeps, event: IssueLabeled): Promise<boolean> {
  const { label, issue } = event;
  // Of a closed issue the reason is noted before the gate, and only a label that is meant for us has one.
  if (issue.state !== "closed" && isSameLabel(label.name, deps.config.triggerLabel)) return true;
  return isSameLabel(label.name, await readLabel(deps, event));
}

async function readLabel(deps: TriggerDeps, { installation, repository }: IssueLabeled): Promise<string> {
  const accountId = await findAccountOfInstallation(deps.system, installation.id);
  if (accountId === null) return deps.config.triggerLabel;
  const { id, name, owner } = repository;
  try {
    const { settings } = await readEffectiveSettings(deps, {
      ...{ accountId, installationId: installation.id, sha: null },
      repository: { id, owner: owner.login, name },
      from: {
        open: () =>
          deps.github.openRepository({
            installationId: installation.id,
            repositoryId: id,
            permissions: { contents: "read" },
          }),
      },
    });
    return settings.triggers.label;
  } catch (error) {
    if (!(error instanceof GitHubRefusal)) throw error;
    deps.log.warn({ err: error, repositoryId: id }, "nobody could look which label starts work");
    return deps.config.triggerLabel;
  }
}
