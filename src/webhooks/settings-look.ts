import { toInlineCode, type PublicMarkdown } from "../github/inline-text.ts";
import type { RepositoryClient } from "../github/octokit.ts";
import { describeSettingsChange, type SettingsSide, type ShownEntry } from "../github/settings-change.ts";
import type { SettingsEntry } from "../github/settings-effective.ts";
import { readTouchedSettings } from "../github/settings-touched.ts";
import { readEffectiveSettings, type EffectiveSettings } from "../tasks/effective-settings.ts";
import type { PullRequestPushed } from "./payloads.ts";
import type { TriggerDeps } from "./trigger.ts";

/** `same`: the file changes, and no setting in force. */
export type SettingsLook = { kind: "untouched" | "same" } | { kind: "changes"; text: PublicMarkdown };

/** What a pull request would make of the settings in force, as its event has base and head. */
export async function lookAtSettings(
  deps: TriggerDeps,
  input: { accountId: string; event: PullRequestPushed; client: RepositoryClient },
): Promise<SettingsLook> {
  const { client, event } = input;
  const { base, head } = event.pull_request;
  const repository = { owner: client.owner, name: client.name };
  const touched = await readTouchedSettings(client.octokit, {
    ...{ repository, baseSha: base.sha, headSha: head.sha },
  });
  if (touched === null) return { kind: "untouched" };
  const { parsed } = touched;
  if (parsed?.ok === false) {
    const after = { entries: [], problems: parsed.problems, state: "invalid" as const };
    return lookOf(describeSettingsChange({ ...after, problems: [] }, after));
  }
  const before = await readSide(deps, input, base.sha);
  return lookOf(describeSettingsChange(before, await readSide(deps, input, head.sha)));
}

const lookOf = (text: PublicMarkdown | null): SettingsLook =>
  text === null ? { kind: "same" } : { kind: "changes", text };

async function readSide(
  deps: TriggerDeps,
  { accountId, event, client }: { accountId: string; event: PullRequestPushed; client: RepositoryClient },
  sha: string,
): Promise<SettingsSide> {
  const { owner, name, octokit } = client;
  const effective: EffectiveSettings = await readEffectiveSettings(deps, {
    ...{ accountId, installationId: event.installation.id, sha, from: { octokit } },
    repository: { id: event.repository.id, owner, name },
  });
  const { problems, state } = effective;
  return { entries: effective.entries.map((entry) => show(entry, { owner, name })), problems, state };
}

/**
 * Anybody can open a pull request that overrides every key, so the note shows no value from elsewhere: the owner's file
 * may be in a private repository.
 */
function show(entry: SettingsEntry, { owner, name }: { owner: string; name: string }): ShownEntry {
  const { source } = entry;
  switch (source.kind) {
    case "default":
      return entry;
    case "variable":
      return { ...entry, words: `the server's ${toInlineCode(source.name)}` as PublicMarkdown };
    case "file": {
      const own = source.repository.owner === owner && source.repository.name === name;
      return own ? entry : { ...entry, words: "what the owner's settings say" as PublicMarkdown };
    }
  }
}
