import type { Sandbox } from "../sandbox/sandbox.ts";

const maxTranscriptBytes = 64 * 1024 * 1024;

/**
 * Makes the agent's own settings new before a turn, because whatever ran in the sandbox may have planted some;
 * only the conversation is kept. True when there is a conversation to resume.
 */
export async function renewAgentHome(sandbox: Sandbox, claudeSessionId: string): Promise<boolean> {
  const path = transcriptPath(sandbox, claudeSessionId);
  const transcript = await sandbox.readFile(path, { maxBytes: maxTranscriptBytes });
  await sandbox.remove(`${sandbox.paths.home}/.claude`);
  await sandbox.remove(`${sandbox.paths.home}/.claude.json`);
  if (transcript === null) return false;
  await sandbox.writeFile(path, transcript);
  return true;
}

/** Claude Code names a project's folder after its path, every sign that is no letter or digit as a dash. */
function transcriptPath(sandbox: Sandbox, claudeSessionId: string): string {
  const project = sandbox.paths.repo.replace(/[^A-Za-z0-9]/g, "-");
  return `${sandbox.paths.home}/.claude/projects/${project}/${claudeSessionId}.jsonl`;
}
