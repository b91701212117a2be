import type { Octokit } from "@octokit/rest";
import type { Settings } from "../github/settings-values.ts";
import { hasRoleOf, mayWrite, readAccess, type RepositoryRef } from "../github/thread.ts";

export type Actor = { id: number; login: string; type: string };

export type GateVerdict =
  | { ok: true; settings: Settings }
  | { ok: false; reason: "ourselves" | "other-label" | "bot" | "no-write-access" | "role-unknown" }
  | { ok: false; reason: "role-narrowed"; roles: Settings["triggers"]["roles"] };

/**
 * May this person, or listed bot, start or steer work here? Asks GitHub at this very moment; only admin and write pass, of
 * these the roles that the repository's settings leave over, and anything unclear is a refusal. A failed call throws, so that the
 * queue asks again instead of guessing.
 */
export async function checkGate(
  octokit: Octokit,
  input: {
    sender: Actor;
    viaAppId: number | null;
    ourAppId: number;
    ourBotId: number;
    /** The repository's settings, which also name the bots that are heard; never ourselves. */
    readSettings: () => Promise<Settings>;
    /** What was put on the issue, where that is what asks. */
    label?: string;
    repository: RepositoryRef;
  },
): Promise<GateVerdict> {
  const { sender, repository, label } = input;
  if (input.viaAppId === input.ourAppId || sender.id === input.ourBotId)
    return { ok: false, reason: "ourselves" };
  const isPerson = sender.type === "User";
  // Beside each other for people, who wait for the eyes; for a bot nobody is asked before it is known to be listed.
  const [settings, access] = await Promise.all([
    input.readSettings(),
    isPerson ? readAccess(octokit, { repository, user: sender }) : null,
  ]);
  const { triggers } = settings;
  if (label !== undefined && !isSameLabel(label, triggers.label)) return { ok: false, reason: "other-label" };
  if (!isPerson && !triggers.botIds.includes(sender.id)) return { ok: false, reason: "bot" };
  const standing = access ?? (await readAccess(octokit, { repository, user: sender }));
  if (!mayWrite(standing.role))
    return { ok: false, reason: standing.role === "unknown" ? "role-unknown" : "no-write-access" };
  // An App has no role in a repository but the one it was given by being listed.
  if (isPerson && !hasRoleOf(standing, triggers.roles))
    return { ok: false, reason: "role-narrowed", roles: triggers.roles };
  return { ok: true, settings };
}

/** GitHub's labels differ by more than upper and lower case. */
export const isSameLabel = (one: string, other: string): boolean => one.toLowerCase() === other.toLowerCase();
