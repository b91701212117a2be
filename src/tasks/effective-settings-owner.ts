import type { Deps } from "../deps.ts";
import { toError } from "../errors.ts";
import type { GitHub } from "../github/octokit.ts";
import type { SettingsLookup } from "../github/settings-last-valid.ts";
import { settingsOnGitHub } from "../github/settings-on-github.ts";
import { within } from "../sessions/within.ts";
import type { OwnerRepository } from "./effective-settings-store.ts";

export type OwnerSettings = {
  repository: OwnerRepository;
  /** Null: it has no commit, or could never be read. */
  lookup: SettingsLookup | null;
  /** It could not be read just now; the lookup is an earlier one. */
  failed: boolean;
};

type OwnerDeps = Pick<Deps, "github" | "clock" | "log">;

type Kept = OwnerSettings & { readAtMs: number };

const freshMs = 60_000;
const timeoutMs = 15_000;
const maxKept = 1_000;

/** Of each worker, by repository id. */
const caches = new WeakMap<GitHub, Map<number, Kept>>();
const reading = new WeakMap<GitHub, Map<number, Promise<Kept>>>();

/**
 * The settings file of an owner's `.github` repository as it is on GitHub, at most a minute old. Never rejects: what cannot
 * be read is said by `failed`.
 */
export async function readOwnerSettings(
  deps: OwnerDeps,
  input: { installationId: number; repository: OwnerRepository },
): Promise<OwnerSettings> {
  const { id } = input.repository;
  const cache = mapOf<Kept>(caches, deps.github);
  const kept = cache.get(id);
  if (kept !== undefined && deps.clock.now().getTime() - kept.readAtMs < freshMs) return kept;
  const now = mapOf<Promise<Kept>>(reading, deps.github);
  const running = now.get(id) ?? refresh(deps, input, kept ?? null).finally(() => now.delete(id));
  now.set(id, running);
  const read = await running;
  if (cache.size >= maxKept) cache.clear();
  cache.set(id, read);
  return read;
}

function mapOf<T>(holder: WeakMap<GitHub, Map<number, T>>, github: GitHub): Map<number, T> {
  const found = holder.get(github) ?? new Map<number, T>();
  holder.set(github, found);
  return found;
}

async function refresh(
  deps: OwnerDeps,
  input: { installationId: number; repository: OwnerRepository },
  before: Kept | null,
): Promise<Kept> {
  const { repository } = input;
  const readAtMs = deps.clock.now().getTime();
  try {
    const read = await within(timeoutMs, ask(deps, input, before));
    const lookup = read.changed ? read.lookup : (before?.lookup ?? null);
    return { repository, lookup, readAtMs, failed: false };
  } catch (thrown) {
    const { owner } = repository;
    deps.log.warn({ err: toError(thrown), owner }, "the owner's settings file could not be read");
    return { repository, lookup: before?.lookup ?? null, readAtMs, failed: true };
  }
}

async function ask(
  { github }: OwnerDeps,
  { installationId, repository }: { installationId: number; repository: OwnerRepository },
  before: Kept | null,
) {
  const client = await github.openRepository({
    installationId,
    repositoryId: repository.id,
    permissions: { contents: "read" },
  });
  try {
    return await settingsOnGitHub(client.octokit, {
      repository: client,
      known: before?.lookup?.sha ?? null,
      signal: AbortSignal.timeout(timeoutMs),
    });
  } finally {
    await client.revoke();
  }
}
