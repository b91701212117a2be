import { UserError } from "../errors.ts";
import { mayWrite, readRole } from "../github/thread.ts";
import { findEdit, wasToldOfEdit, type IssueText } from "./edit-store.ts";
import type { Admitted, ThreadEvent, TriggerDeps } from "./trigger.ts";

/** A page that was opened before an edit shows the old text; who looks at it for longer than this has seen the new one. */
const recentMs = 10 * 60_000;

/**
 * A label and an assignment ask for what the issue says. UserError `body-edited` when somebody without write access has changed
 * it shortly before: it may not be what was read. Who has been told so and asks again has seen it.
 */
export async function checkUnedited(
  deps: TriggerDeps,
  { event, admitted, issue }: { event: ThreadEvent; admitted: Admitted; issue: IssueText },
): Promise<void> {
  const { client, tenant } = admitted;
  const { id: repositoryId } = event.repository;
  const since = new Date(event.triggeredAt.getTime() - recentMs);
  const edit = await findEdit(deps, { repositoryId, issue, since });
  if (edit === null || edit.editor.id === event.sender.id) return;
  const repository = { owner: client.owner, name: client.name };
  if (mayWrite(await readRole(client.octokit, { repository, user: edit.editor }))) return;
  const told = { accountId: tenant.accountId, repositoryId, issueNumber: issue.number, since: edit.at };
  if (await wasToldOfEdit(deps, told)) return;
  throw new UserError(
    "body-edited",
    `The text of this issue was changed by ${edit.editor.login} a moment before, so nothing was started.`,
    "Read it once more; if it is what you want, do the same again, or write `/claude …` in a comment.",
  );
}
