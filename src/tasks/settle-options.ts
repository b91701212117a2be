import type { TaskOptions } from "../../db/schema.ts";
import type { Config } from "../config.ts";
import type { Settings } from "../github/settings-values.ts";

/**
 * What a task runs with: what the command says, over the repository's settings. What these leave as the server has it is left
 * out, so that a later change of the server counts for a repeated task too.
 */
export function settleOptions(
  options: TaskOptions,
  settings: Settings,
  { model, limits }: Pick<Config, "model" | "limits">,
): TaskOptions {
  const { maxTurns, timeoutMs, budgetMicroUsd } = settings.limits;
  return {
    ...(settings.model === model.name ? {} : { model: settings.model }),
    ...(maxTurns === limits.maxTurns ? {} : { maxTurns }),
    ...(timeoutMs === limits.taskTimeoutMs ? {} : { timeoutMs }),
    ...(budgetMicroUsd === limits.budgetMicroUsd ? {} : { budgetMicroUsd }),
    ...(settings.pullRequest.draft ? {} : { draft: false }),
    ...options,
  };
}
