import type { Deps } from "../deps.ts";
import { updatePullText, type PullTextUpdate } from "../github/update-pull-text.ts";
import type { Attempt } from "./attempt.ts";
import { describePull, readTemplate } from "./describe-pull.ts";
import { legStep } from "./leg-step.ts";
import { openWriter } from "./open-writer.ts";
import type { PublishedOnTop } from "./publish-on-top.ts";
import { holderOf, runStep } from "./steps.ts";

/** After a further round on a pull request of ours: its title and body tell the whole of it again, a step. */
export async function refreshPull(
  deps: Pick<Deps, "db" | "system" | "config" | "github">,
  attempt: Attempt,
  { published, input }: PublishedOnTop,
): Promise<void> {
  const { claim, repository, watch } = attempt;
  const { task, session } = claim;
  if (published.kind !== "published" || published.pull === null) return;
  const { pull, commit } = published;
  const told = input.result.title !== null && input.result.sections.summary !== null;
  if (!told || session.writes !== "own-branch" || session.pullNumber !== pull.number) return;
  await runStep<{ did: PullTextUpdate }>(deps, holderOf(claim), {
    name: legStep("pull-text", task.leg),
    find: () => Promise.resolve(null),
    act: async () => {
      watch.throwIfStopped();
      const text = describePull(input, { template: await readTemplate(input), commit });
      const writer = await openWriter(deps, { claim });
      try {
        const { installationId, id: taskId } = task;
        const { signal } = watch;
        const at = { installationId, repository, pullNumber: pull.number, taskId };
        return { did: await updatePullText(deps, writer.octokit, { ...at, text, signal }) };
      } finally {
        await writer.revoke();
      }
    },
  });
}
