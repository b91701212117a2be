import { findOpenSession, findSessionByPull } from "../sessions/session-store.ts";
import type { Tenant } from "../tasks/tenant-store.ts";
import { UserError } from "../errors.ts";
import { countTurnsWithoutPerson } from "./pull-store.ts";
import type { ThreadEvent, TriggerDeps } from "./trigger.ts";

/** Turns in a row that no person asked for, whether bots did, or failed checks, or a conflict. */
export const maxTurnsWithoutPerson = 3;

/** UserError `bots-alone` when a listed bot would have the conversation go on without any person for too long. */
export async function checkBotLimit(
  deps: TriggerDeps,
  event: ThreadEvent,
  { tenant, botIds }: { tenant: Tenant; botIds: readonly number[] },
): Promise<void> {
  const at = { accountId: tenant.accountId, repositoryId: event.repository.id };
  const session = event.onPullRequest
    ? await findSessionByPull(deps.db, { ...at, pullNumber: event.issueNumber })
    : await findOpenSession(deps.db, { ...at, issueNumber: event.issueNumber });
  if (session === null) return;
  const turns = await countTurnsWithoutPerson(deps, {
    accountId: tenant.accountId,
    sessionId: session.id,
    botIds,
  });
  if (turns < maxTurnsWithoutPerson) return;
  throw new UserError(
    "bots-alone",
    `The last ${maxTurnsWithoutPerson} tasks here were started without a person, so this one was not.`,
    "A `/claude …` by somebody who may write lets the conversation go on.",
  );
}
