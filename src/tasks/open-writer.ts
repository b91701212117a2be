import type { Octokit } from "@octokit/rest";
import type { Deps } from "../deps.ts";
import { UserError } from "../errors.ts";
import type { RepositoryClient } from "../github/octokit.ts";
import { mayWrite, readRole, type RepositoryRef } from "../github/thread.ts";
import type { Claim } from "./claim-store.ts";

/** A short client that may write code, for a person who may still write; it knows the repository by its name of this moment. UserError `permission-revoked` otherwise. */
export async function openWriter(
  deps: Pick<Deps, "github">,
  { claim }: { claim: Claim },
): Promise<RepositoryClient> {
  const { task } = claim;
  const writer = await deps.github.openRepository({
    installationId: task.installationId,
    repositoryId: task.repositoryId,
    permissions: { contents: "write", pull_requests: "write" },
  });
  try {
    await assertStillAllowed(writer.octokit, { claim, repository: writer });
    return writer;
  } catch (error) {
    await writer.revoke();
    throw error;
  }
}

/** A permission can be taken away while the agent works. */
async function assertStillAllowed(
  octokit: Octokit,
  { claim, repository }: { claim: Claim; repository: RepositoryRef },
): Promise<void> {
  const { requesterId, requesterLogin } = claim.task;
  const role = await readRole(octokit, { repository, user: { id: requesterId, login: requesterLogin } });
  if (mayWrite(role)) return;
  throw new UserError(
    "permission-revoked",
    `${requesterLogin} no longer has write access to the repository, so nothing was pushed.`,
    "Somebody with write access can repeat the command; the work is kept in the sandbox.",
  );
}
