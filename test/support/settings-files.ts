import { serverLayer, type SettingsConfig } from "../../src/github/settings-defaults.ts";
import {
  mergeSettings,
  type MergedSettings,
  type SettingsLayer,
} from "../../src/github/settings-effective.ts";
import { parseSettings } from "../../src/github/settings-parse.ts";

/** A server where nothing was set but what is given. */
export const serverSettings: SettingsConfig = {
  triggerLabel: "claude",
  allowedBotIds: [],
  model: { baseUrl: "https://model.example", credential: null, name: "claude-sonnet-4-5" },
  limits: { budgetMicroUsd: 5_000_000, maxTurns: 100, taskTimeoutMs: 1_800_000 },
  sandbox: { egressHosts: [] },
};

/** A valid file as a layer; throws with what is wrong with it. */
export function settingsLayer(text: string, at: { owner: string; name: string; sha: string }): SettingsLayer {
  const parsed = parseSettings(Buffer.from(text));
  if (!parsed.ok) throw new Error(parsed.problems.map(({ message }) => message).join("; "));
  const { owner, name, sha } = at;
  return {
    file: parsed.file,
    sourceOf: (path) => ({ kind: "file", repository: { owner, name }, sha, line: parsed.lineOf(path) }),
  };
}

/** acme/widgets over acme/.github over the server. */
export function mergeFiles(files: { owner?: string; own?: string; config?: SettingsConfig }): MergedSettings {
  const at = { owner: "acme", name: ".github", sha: "b".repeat(40) };
  return mergeSettings(serverLayer(files.config ?? serverSettings), [
    ...(files.owner === undefined ? [] : [settingsLayer(files.owner, at)]),
    ...(files.own === undefined
      ? []
      : [settingsLayer(files.own, { ...at, name: "widgets", sha: "a".repeat(40) })]),
  ]);
}
