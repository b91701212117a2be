import { toInlineText } from "../github/inline-text.ts";
import { readPull } from "../github/read-pull.ts";
import { readChecks, type ChecksReading } from "../tasks/checks-read.ts";
import { findThreadSession, type Order } from "./command-order.ts";
import { replies } from "./replies.ts";
import { startTask } from "./start-task.ts";
import type { TriggerDeps } from "./trigger.ts";

/**
 * `fix-ci [hint]`: a repair of what stands as failed now, whatever its verdict, because a person asks. Without a failure nothing is
 * started, and the thread hears whether all is green or some still run.
 */
export async function startFixCi(deps: TriggerDeps, order: Order): Promise<void> {
  const { thread, admitted, command, source, issue } = order;
  const session = await findThreadSession(deps, order);
  const pullNumber = thread.onPullRequest ? thread.issueNumber : (session?.pullNumber ?? null);
  if (pullNumber === null) return admitted.reply(replies.noPullRequest("fix-ci"));
  const reading = await readNow(deps, order, pullNumber);
  if (reading === null) return admitted.reply(replies.noPullRequest("fix-ci"));
  if (reading.failed.length === 0) return admitted.reply(renderNothingFailed(reading));
  const checks = { headSha: reading.headSha, attempt: 1, checks: reading.failed };
  const { verb, options } = command;
  const { instruction } = command;
  await startTask(deps, thread, admitted, { ...source, verb, instruction, options, issue, checks });
}

async function readNow(
  deps: TriggerDeps,
  { thread }: Order,
  pullNumber: number,
): Promise<ChecksReading | null> {
  const client = await deps.github.openRepository({
    ...{ installationId: thread.installation.id, repositoryId: thread.repository.id },
    permissions: { pull_requests: "read", checks: "read", statuses: "read", actions: "read" },
  });
  try {
    const repository = { owner: client.owner, name: client.name };
    const pull = await readPull(client.octokit, { repository, number: pullNumber });
    if (pull === null) return null;
    const { id: ourAppId } = await deps.github.identity(client.octokit);
    const at = { headSha: pull.head.sha, baseSha: pull.base.sha };
    return await readChecks(client.octokit, { repository, ...at, ourAppId, now: deps.clock.now() });
  } finally {
    await client.revoke();
  }
}

const listed = 10;

/** Why `fix-ci` starts nothing. */
function renderNothingFailed({ headSha, pending, recovered }: ChecksReading): string {
  const at = `\`${headSha.slice(0, 12)}\``;
  if (pending.length > 0)
    return `No check of ${at} has failed so far; ${names(pending)} still run${pending.length === 1 ? "s" : ""}, so nothing was started. Write it again once they have ended.`;
  const flaky =
    recovered.length === 0 ? "" : ` (${names(recovered)} failed at first and passed when run again)`;
  return `No check of ${at} stands as failed${flaky}, so there is nothing to repair.`;
}

function names(all: readonly string[]): string {
  const shown = all.slice(0, listed).map((name) => toInlineText(name, 80));
  return all.length > listed ? `${shown.join(", ")} and ${all.length - listed} more` : shown.join(", ");
}
