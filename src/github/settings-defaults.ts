import type { Config } from "../config.ts";
import type { SettingsLayer } from "./settings-effective.ts";
import { settingsFallback, type MergedFile } from "./settings-values.ts";

export type SettingsConfig = Pick<Config, "triggerLabel" | "allowedBotIds" | "model"> & {
  limits: Pick<Config["limits"], "budgetMicroUsd" | "maxTurns" | "taskTimeoutMs">;
  sandbox: Pick<Config["sandbox"], "egressHosts">;
};

/** The variable of the server by which an operator sets a key; the names are those of environment.ts. */
export const settingsVariables: ReadonlyMap<string, string> = new Map([
  ["triggers.label", "TRIGGER_LABEL"],
  ["triggers.apps", "ALLOWED_BOT_IDS"],
  ["model", "CLAUDE_MODEL"],
  ["limits.budget_usd", "TASK_BUDGET_USD"],
  ["limits.turns", "TASK_MAX_TURNS"],
  ["limits.minutes", "TASK_TIMEOUT_MINUTES"],
  ["egress_hosts", "EGRESS_HOSTS"],
]);

/** What holds where no file says another thing: the operator's variables, and what is built in. */
export function serverLayer(config: SettingsConfig): SettingsLayer & { file: MergedFile } {
  const { limits } = config;
  return {
    file: {
      ...settingsFallback,
      triggers: {
        ...settingsFallback.triggers,
        label: config.triggerLabel,
        apps: [...config.allowedBotIds],
      },
      model: config.model.name,
      limits: {
        budget_usd: limits.budgetMicroUsd / 1_000_000,
        turns: limits.maxTurns,
        minutes: limits.taskTimeoutMs / 60_000,
      },
      egress_hosts: [...config.sandbox.egressHosts],
    },
    sourceOf(path) {
      const name = settingsVariables.get(path.join("."));
      return name === undefined ? { kind: "default" } : { kind: "variable", name };
    },
  };
}
