import type { Octokit } from "@octokit/rest";
import { mayWrite, readRole, type RepositoryRef } from "../github/thread.ts";

export type Actor = { id: number; login: string; type: string };

export type GateVerdict =
  { ok: true } | { ok: false; reason: "ourselves" | "bot" | "no-write-access" | "role-unknown" };

/**
 * May this person, or listed bot, start or steer work here? Asks GitHub at this very moment; only admin and write pass, and
 * anything unclear is a refusal. A failed call throws, so that the queue asks again instead of guessing.
 */
export async function checkGate(
  octokit: Octokit,
  input: {
    sender: Actor;
    viaAppId: number | null;
    ourAppId: number;
    ourBotId: number;
    /** Bots that the operator has listed; never ourselves. */
    allowedBotIds: readonly number[];
    repository: RepositoryRef;
  },
): Promise<GateVerdict> {
  if (input.viaAppId === input.ourAppId || input.sender.id === input.ourBotId)
    return { ok: false, reason: "ourselves" };
  if (input.sender.type !== "User" && !input.allowedBotIds.includes(input.sender.id))
    return { ok: false, reason: "bot" };
  const role = await readRole(octokit, { repository: input.repository, user: input.sender });
  if (mayWrite(role)) return { ok: true };
  return { ok: false, reason: role === "unknown" ? "role-unknown" : "no-write-access" };
}
