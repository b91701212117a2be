import type { ApiError } from "./api-error.ts";
import type { GatewayDeps } from "./gateway-deps.ts";
import { turnEnded } from "./serve-model.ts";
import { findTurnByToken } from "./turn-token.ts";
import type { Turn } from "./turn.ts";

/** Whom a model call is made for, or what its sender is told instead. */
export type Admission = { ok: true; turn: Turn } | { ok: false; error: ApiError };

/** Lets a call in by its token. Given a task, the token of another one is answered as one that nobody knows. */
export async function admitTurn(
  { system }: Pick<GatewayDeps, "system">,
  { token, taskId }: { token: string | null; taskId: string | null },
): Promise<Admission> {
  const found = await findTurnByToken(system, token, taskId);
  if (found.ok) return found;
  return { ok: false, error: found.reason === "ended" ? turnEnded : unknownToken };
}

const unknownToken: ApiError = {
  status: 401,
  type: "authentication_error",
  message: "Expected a turn's token as x-api-key or bearer token, got none that is known.",
};
