import { createHash, randomBytes } from "node:crypto";
import type { Db } from "../../db/client.ts";
import type { Turn } from "./turn.ts";
import { findTurn, insertTurnToken, markTurnTokenRevoked, type FoundTurn } from "./turn-token-store.ts";

/**
 * Makes the credential with which the agent of one turn reaches the gateway. Only its SHA-256 is stored; the token
 * itself is returned once.
 */
export async function mintTurnToken(db: Db, input: Turn & { expiresAt: Date }): Promise<string> {
  const token = `rct_${randomBytes(32).toString("base64url")}`;
  await insertTurnToken(db, { ...input, tokenHash: hashToken(token) });
  return token;
}

/** Ends a token; ending it twice changes nothing. */
export async function revokeTurnToken(db: Db, input: { accountId: string; token: string }): Promise<void> {
  await markTurnTokenRevoked(db, { accountId: input.accountId, tokenHash: hashToken(input.token) });
}

/** The turn that this token may act for now, or why there is none; given a task, only a turn of that one. */
export async function findTurnByToken(
  system: Db,
  token: string | null,
  taskId: string | null = null,
): Promise<FoundTurn> {
  if (token === null || !/^rct_[\w-]{43}$/.test(token)) return { ok: false, reason: "unknown" };
  return await findTurn(system, { tokenHash: hashToken(token), taskId });
}

/** The token is looked up by its hash, so the time a look-up takes tells nothing about a token that exists. */
function hashToken(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}
