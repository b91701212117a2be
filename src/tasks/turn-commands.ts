import type { Deps } from "../deps.ts";
import { createRedactor, type Redactor } from "../github/redact.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import type { RunCommandsInput } from "../sessions/run-commands.ts";
import { withTurnGateway } from "../sessions/turn-gateway.ts";
import type { Claim } from "./claim-store.ts";

/** A machine lives this much longer than what it is used for. */
export const machineGraceMs = 2 * 60_000;

/** Lets the repository's own commands run beside a turn: with its way to the allowed hosts, and its token kept out of what they say. */
export function withCommandGateway<T>(
  deps: Deps,
  { claim, sandbox, timeoutMs }: { claim: Claim; sandbox: Sandbox; timeoutMs: number },
  run: (redacting: { redact: Redactor }, way: Pick<RunCommandsInput, "sandbox" | "gateway">) => Promise<T>,
): Promise<T> {
  const { id: taskId, accountId } = claim.task;
  const turn = { taskId, accountId, fence: claim.fence, timeoutMs };
  return withTurnGateway(deps, { turn, sandbox }, ({ socketPath, turnToken }) => {
    const ownToken = createRedactor([turnToken]);
    return run(
      { redact: (text) => ownToken(deps.redact(text)) },
      { sandbox, gateway: socketPath === null ? undefined : { socketPath, turnToken } },
    );
  });
}
