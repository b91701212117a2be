import type { Sandbox } from "../sandbox/sandbox.ts";

/** More than this is no conversation of one issue; Claude Code could not read it back in a sensible time. */
export const maxTranscriptBytes = 64 * 2 ** 20;

/** Where Claude Code keeps a conversation: it names a project's folder after its path, every sign that is no letter or digit as a dash. */
export function transcriptPath(sandbox: Pick<Sandbox, "paths">, claudeSessionId: string): string {
  const project = sandbox.paths.repo.replace(/[^A-Za-z0-9]/g, "-");
  return `${sandbox.paths.home}/.claude/projects/${project}/${claudeSessionId}.jsonl`;
}
