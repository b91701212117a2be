import { type Sandbox, SandboxError } from "../sandbox/sandbox.ts";
import { inTheWay, parseRenewed, renewHomeCommand } from "./renew-home-command.ts";

/**
 * Makes the agent's own settings new before a turn, because whatever ran in the sandbox may have planted some; only the
 * conversation is kept. `leftovers` of the last turn go with them. True when there is a conversation to resume. One command,
 * and the conversation does not leave the machine. Rejects with a SandboxError "refused" where something else stands in its place.
 */
export async function renewAgentHome(
  sandbox: Sandbox,
  input: { claudeSessionId: string; leftovers: readonly string[] },
): Promise<boolean> {
  const { exitCode, stdoutTail, stderrTail } = await sandbox.exec({
    argv: renewHomeCommand(sandbox, input),
    timeoutMs: 120_000,
  });
  const conversation = exitCode === 0 ? parseRenewed(stdoutTail) : null;
  if (conversation !== null) return conversation;
  throw new SandboxError(
    exitCode === inTheWay ? "refused" : "transient",
    `making the agent's home new ended with ${exitCode ?? "a signal"}: ${stderrTail.trim()}`,
  );
}
