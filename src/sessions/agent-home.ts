import { randomBytes } from "node:crypto";
import { type Sandbox, SandboxError } from "../sandbox/sandbox.ts";
import { maxTranscriptBytes, transcriptPath } from "./transcript-path.ts";

/**
 * Makes the agent's own settings new before a turn, because whatever ran in the sandbox may have planted some; only the
 * conversation is kept. `leftovers` of the last turn go with them. True when there is a conversation to resume. One command,
 * and the conversation does not leave the machine. Rejects with a SandboxError "refused" where something else stands in its place.
 */
export async function renewAgentHome(
  sandbox: Sandbox,
  input: { claudeSessionId: string; leftovers: readonly string[] },
): Promise<boolean> {
  const { home, tmp } = sandbox.paths;
  const transcript = transcriptPath(sandbox, input.claudeSessionId);
  const kept = `${tmp}/kept-${randomBytes(8).toString("hex")}`;
  const { exitCode, stdoutTail, stderrTail } = await sandbox.exec({
    argv: [
      ...(["/bin/sh", "-c", script, "renew", transcript, kept, String(maxTranscriptBytes)] as const),
      ...[`${home}/.claude`, `${home}/.claude.json`, ...input.leftovers],
    ],
    timeoutMs: 120_000,
  });
  const said = stdoutTail.trim();
  if (exitCode === 0 && (said === "kept" || said === "none")) return said === "kept";
  throw new SandboxError(
    exitCode === inTheWay ? "refused" : "transient",
    `making the agent's home new ended with ${exitCode ?? "a signal"}: ${stderrTail.trim()}`,
  );
}

const inTheWay = 3;

/** Constant; the conversation, where it is kept meanwhile, its largest size and what goes come as arguments. */
const script = `
set -u
transcript=$1 kept=$2 maxBytes=$3
shift 3
refuse() { echo "$1" >&2; exit ${inTheWay}; }
# What an earlier one left behind when it was killed.
rm -rf "\${kept%/*}"/kept-*
found=none
if [ -e "$transcript" ] || [ -L "$transcript" ]; then
  [ "$(realpath -- "$transcript")" = "$transcript" ] && [ -f "$transcript" ] || refuse "expected a regular file at $transcript"
  [ "$(stat -c %s -- "$transcript")" -le "$maxBytes" ] || refuse "expected at most $maxBytes bytes in $transcript"
  # A file of its own: the old one may have other names.
  (umask 077 && cat -- "$transcript" >"$kept") || exit 1
  found=kept
fi
rm -rf -- "$@" || exit 1
if [ "$found" = kept ]; then
  mkdir -p -- "\${transcript%/*}" && mv -fT -- "$kept" "$transcript" || exit 1
fi
echo "$found"
`;
