import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Deps } from "../deps.ts";
import { openGatewaySocket } from "../gateway/gateway-socket.ts";
import { mintTurnToken, revokeTurnToken } from "../gateway/turn-token.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import { priceCall } from "../usage/price.ts";

export type TurnGatewayDeps = Pick<Deps, "db" | "system" | "config" | "log" | "clock">;

/** `socketPath` is null for a machine elsewhere, which uses the server's gateway. */
export type OpenGateway = { socketPath: string | null; turnToken: string };

/** The token may outlive the turn's deadline by this much, for the steps of ending it. */
const tokenGraceMs = 60_000;

/** A token that exists for this turn only, and for a machine of this host a gateway as well. */
export async function withTurnGateway<T>(
  deps: TurnGatewayDeps,
  input: { turn: { taskId: string; accountId: string; fence: number; timeoutMs: number }; sandbox: Sandbox },
  run: (gateway: OpenGateway) => Promise<T>,
): Promise<T> {
  const { taskId, accountId, fence, timeoutMs } = input.turn;
  const expiresAt = new Date(deps.clock.now().getTime() + timeoutMs + tokenGraceMs);
  const turnToken = await mintTurnToken(deps.db, { taskId, accountId, fence, expiresAt });
  try {
    if (input.sandbox.gateway === "public-url") return await run({ socketPath: null, turnToken });
    return await withSocket(deps, (socketPath) => run({ socketPath, turnToken }));
  } finally {
    await revokeTurnToken(deps.db, { accountId, token: turnToken });
  }
}

/** The socket's folder is short, because a socket's path must be. */
async function withSocket<T>(deps: TurnGatewayDeps, run: (socketPath: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), "rc-gw-"));
  const socketPath = join(directory, "gateway.sock");
  try {
    const gateway = await openGatewaySocket({ ...deps, priceCall }, { socketPath });
    try {
      return await run(socketPath);
    } finally {
      await gateway.close();
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Where a machine elsewhere reaches the gateway for this task. */
export function publicGatewayUrl({ config }: Pick<Deps, "config">, { taskId }: { taskId: string }): string {
  const { publicUrl } = config.server;
  if (publicUrl === null) throw new Error("a machine elsewhere was made without PUBLIC_URL");
  return `${publicUrl}/gateway/${taskId}`;
}
