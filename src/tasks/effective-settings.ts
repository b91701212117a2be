import { withAccount } from "../../db/client.ts";
import type { Deps } from "../deps.ts";
import { earlierSettingsCommits, settingsAtCommit } from "../github/settings-at-commit.ts";
import type { SettingsNote } from "../github/settings-cells.ts";
import { serverLayer } from "../github/settings-defaults.ts";
import { mergeSettings, type MergedSettings, type SettingsLayer } from "../github/settings-effective.ts";
import { findLastValid, maxSettingsWalk, type SettingsLookup } from "../github/settings-last-valid.ts";
import { readOwnSettings, type SettingsReader } from "./effective-settings-own.ts";
import { readOwnerSettings } from "./effective-settings-owner.ts";
import { findOwnerRepository } from "./effective-settings-store.ts";

export type EffectiveDeps = Pick<Deps, "config" | "db" | "github" | "clock" | "log">;

export type EffectiveInput = {
  accountId: string;
  installationId: number;
  repository: { id: number; owner: string; name: string };
  /** The commit of the base branch that decides; null: the default branch as it stands. */
  sha: string | null;
  /** The bot's own mirror, which has the commit, or a client that may read the repository where there is no mirror. */
  from: { mirrorPath: string } | SettingsReader;
};

export type EffectiveSettings = MergedSettings & {
  /** What is wrong with the files, and what is used instead; each fit for one line of a status comment. */
  problems: readonly SettingsNote[];
  /** Of the repository's own file at the commit. */
  state: "absent" | "valid" | "invalid";
  /** "" of an empty repository. */
  sha: string;
};

/**
 * All settings of a repository at a commit: its own file over its owner's over the server's. A file that is not valid, or
 * an owner's that cannot be read, is a note. Rejects only when the repository itself cannot be read.
 */
export async function readEffectiveSettings(
  deps: EffectiveDeps,
  input: EffectiveInput,
): Promise<EffectiveSettings> {
  const [own, owners] = await Promise.all([readOwn(deps, input), readOwners(deps, input)]);
  const layers = [
    ...(owners === null ? [] : layerOf(owners.lookup, owners.repository)),
    ...layerOf(own, input.repository),
  ];
  return {
    ...mergeSettings(serverLayer(deps.config), layers),
    problems: [...notesOf(own, null), ...(owners === null ? [] : ownersNotes(owners))],
    state: own.problems.length > 0 ? "invalid" : own.used === null ? "absent" : "valid",
    sha: own.sha,
  };
}

async function readOwn(deps: EffectiveDeps, input: EffectiveInput): Promise<SettingsLookup> {
  const { repository, sha, from } = input;
  if ("mirrorPath" in from) {
    const { mirrorPath } = from;
    if (sha === null) throw new Error("a mirror is read at a commit, and none was named");
    return findLastValid({
      sha,
      read: (at) => settingsAtCommit({ mirrorPath, sha: at }),
      earlier: () => earlierSettingsCommits({ mirrorPath, sha, count: maxSettingsWalk }),
    });
  }
  return readOwnSettings(deps, { repository, sha, from });
}

async function readOwners(deps: EffectiveDeps, { accountId, installationId, repository }: EffectiveInput) {
  const { owner } = repository;
  const found = await withAccount(deps.db, accountId, (tx) =>
    findOwnerRepository(tx, { installationId, owner }),
  );
  // Its own settings are read like those of any repository.
  if (found === null || found.id === repository.id) return null;
  return readOwnerSettings(deps, { installationId, repository: found });
}

function layerOf(
  lookup: SettingsLookup | null,
  { owner, name }: { owner: string; name: string },
): SettingsLayer[] {
  const used = lookup?.used ?? null;
  if (used === null) return [];
  const { file, lineOf, sha } = used;
  const repository = { owner, name };
  return [{ file, sourceOf: (path) => ({ kind: "file", repository, sha, line: lineOf(path) }) }];
}

function ownersNotes({ repository, lookup, failed }: Awaited<ReturnType<typeof readOwnerSettings>>) {
  const place = `${repository.owner}/${repository.name}`;
  const notes = lookup === null ? [] : notesOf(lookup, place);
  if (!failed) return notes;
  const instead = lookup === null ? "they count as none" : "those that were read last are used";
  return [...notes, { line: null, message: `${place}: its settings could not be read just now; ${instead}` }];
}

/** `place`: null for the repository itself. */
function notesOf({ problems, used }: SettingsLookup, place: string | null): SettingsNote[] {
  if (problems.length === 0) return [];
  const words = (message: string) => (place === null ? message : `${place}: ${message}`);
  const instead =
    used === null
      ? `no valid file among its last ${maxSettingsWalk + 1} versions: it counts as none until it is mended`
      : `the last valid file, of commit ${used.sha.slice(0, 7)}, is used until it is mended`;
  return [
    ...problems.map(({ line, message }) => ({ line, message: words(message) })),
    { line: null, message: words(instead) },
  ];
}
