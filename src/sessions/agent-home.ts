import { removeAll } from "../sandbox/remove-all.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import { maxTranscriptBytes, transcriptPath } from "./transcript-path.ts";

/**
 * Makes the agent's own settings new before a turn, because whatever ran in the sandbox may have planted some; only the
 * conversation is kept. `leftovers` of the last turn go with them. True when there is a conversation to resume.
 */
export async function renewAgentHome(
  sandbox: Sandbox,
  input: { claudeSessionId: string; leftovers: readonly string[] },
): Promise<boolean> {
  const { home } = sandbox.paths;
  const path = transcriptPath(sandbox, input.claudeSessionId);
  const transcript = await sandbox.readFile(path, { maxBytes: maxTranscriptBytes });
  await removeAll(sandbox, [`${home}/.claude`, `${home}/.claude.json`, ...input.leftovers]);
  if (transcript === null) return false;
  await sandbox.writeFile(path, transcript);
  return true;
}
