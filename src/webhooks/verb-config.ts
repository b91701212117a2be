import { renderConfig } from "../github/settings-render.ts";
import type { Order } from "./command-order.ts";
import { readThreadSettings } from "./command-settings.ts";
import { replies } from "./replies.ts";
import type { TriggerDeps } from "./trigger.ts";

/** `config`: every setting in force, with the file and line that set it. */
export async function tellConfig(deps: TriggerDeps, order: Order): Promise<void> {
  const { admitted } = order;
  const effective = await readThreadSettings(deps, order);
  if (effective === null) return admitted.reply(replies.noCommitYet());
  const { entries, problems, sha } = effective;
  const { owner, name } = admitted.client;
  const { serverUrl } = deps.config.github;
  await admitted.reply(
    renderConfig({ effective: { entries, problems }, repository: { owner, name }, sha, serverUrl }),
  );
}
