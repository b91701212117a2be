import { UserError } from "../errors.ts";
import { mayWrite, readRole } from "../github/thread.ts";
import { listEdits, wasToldOfEdit } from "./edit-store.ts";
import type { Admitted, ThreadEvent, TriggerDeps } from "./trigger.ts";

/** A page that was opened before an edit shows the old text; who looks at it for longer than this has seen the new one. */
const recentMs = 10 * 60_000;

/**
 * A label and an assignment ask for what the issue says. UserError `body-edited` when somebody without write access has changed
 * it shortly before: it may not be what was read. Who has been told so and asks again has seen it.
 */
export async function checkUnedited(
  deps: TriggerDeps,
  { event, admitted }: { event: ThreadEvent; admitted: Admitted },
): Promise<void> {
  const { client, tenant } = admitted;
  const at = { repositoryId: event.repository.id, issueNumber: event.issueNumber };
  const since = new Date(event.triggeredAt.getTime() - recentMs);
  const repository = { owner: client.owner, name: client.name };
  const asked = new Set([event.sender.id]);
  for (const edit of await listEdits(deps, { ...at, since })) {
    const { editor } = edit;
    if (asked.has(editor.id)) continue;
    asked.add(editor.id);
    if (mayWrite(await readRole(client.octokit, { repository, user: editor }))) continue;
    if (await wasToldOfEdit(deps, { accountId: tenant.accountId, ...at, since: edit.at })) return;
    throw new UserError(
      "body-edited",
      `The text of this issue was changed by ${editor.login} a moment before, so nothing was started.`,
      "Read it once more; if it is what you want, do the same again, or write `/claude …` in a comment.",
    );
  }
}
