import { UserError } from "../errors.ts";
import { isProtectedBranch, readPull, type PullFacts } from "../github/read-pull.ts";
import { findSessionByPull } from "../sessions/session-store.ts";
import type { CreateTaskInput } from "../tasks/create-task.ts";
import { reviveSession } from "./pull-store.ts";
import type { Admitted, ThreadEvent, TriggerDeps } from "./trigger.ts";

/** `personsPull` as createTask wants it; absent for a pull request of ours. */
export type OpenedPull = { pull: PullFacts; personsPull?: NonNullable<CreateTaskInput["personsPull"]> };

/** These read and say something; all others push. */
const readingVerbs: ReadonlySet<string> = new Set(["ask", "review"]);

/**
 * Reads the pull request that a task is asked for on and says what of it may be written. UserErrors: it is gone or closed, or its
 * branch is none that we may write to.
 */
export async function openPull(
  deps: TriggerDeps,
  { event, admitted, verb }: { event: ThreadEvent; admitted: Admitted; verb: string },
): Promise<OpenedPull> {
  const { client } = admitted;
  const repository = { owner: client.owner, name: client.name };
  const pull = await readPull(client.octokit, { repository, number: event.issueNumber });
  if (pull === null) throw noPull(event.issueNumber);
  if (await isOurs(deps, { event, admitted, pull })) return { pull };
  const reads = readingVerbs.has(verb);
  if (pull.state === "closed" && !reads) throw closed(pull);
  const nothing = { pull, personsPull: { branch: `pull/${pull.number}/head`, writes: "nothing" as const } };
  if (!pull.head.sameRepository) {
    if (!reads) throw fromFork();
    return nothing;
  }
  const { ref } = pull.head;
  if (ref === pull.base.defaultBranch || (await isProtectedBranch(client.octokit, repository, ref))) {
    if (!reads) throw protectedHead(ref);
    return nothing;
  }
  return { pull, personsPull: { branch: ref, writes: "pull-head" } };
}

/** Ours: an open session wrote it, or one did that has ended and lives again. */
async function isOurs(
  deps: TriggerDeps,
  { event, admitted, pull }: { event: ThreadEvent; admitted: Admitted; pull: PullFacts },
): Promise<boolean> {
  const at = {
    accountId: admitted.tenant.accountId,
    repositoryId: event.repository.id,
    pullNumber: pull.number,
  };
  const session = await findSessionByPull(deps.db, at);
  const { botId } = await deps.github.identity(admitted.client.octokit);
  if (session?.writes !== "own-branch" && pull.author.id !== botId) return false;
  if (pull.state === "closed") throw closed(pull);
  if (session?.writes === "own-branch") return true;
  if ((await reviveSession(deps, at)) !== null) return true;
  throw new UserError(
    "conversation-moved",
    "The conversation that made this pull request has ended, and its issue has begun another one.",
    "Write the command on the issue.",
  );
}

const noPull = (number: number) =>
  new UserError(
    "no-such-pull",
    `There is no pull request #${number} any more.`,
    "Write the command where the work is.",
  );

const closed = (pull: PullFacts) =>
  new UserError(
    "closed",
    `This pull request is ${pull.merged ? "merged" : "closed"}, so nothing was started.`,
    pull.merged
      ? "Write `/claude …` on an issue to begin something new."
      : "Reopen it and write the command again, or write it on the issue.",
  );

const fromFork = () =>
  new UserError(
    "fork",
    "This pull request comes from a fork, and nothing is ever pushed to forks.",
    "`/claude ask` and `/claude review` work here; for a change of code, push the branch to this repository.",
  );

const protectedHead = (ref: string) =>
  new UserError(
    "protected-branch",
    `\`${ref.replaceAll("`", "")}\` is the default branch or a protected one, and those are never written to.`,
    "`/claude ask` and `/claude review` work here; for a change, write `/claude …` on an issue.",
  );
