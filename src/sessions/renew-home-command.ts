import { randomBytes } from "node:crypto";
import type { Sandbox } from "../sandbox/sandbox.ts";
import { maxTranscriptBytes, transcriptPath } from "./transcript-path.ts";

/**
 * The command that makes the agent's own settings new and keeps only the conversation; `leftovers` go with them. It prints
 * `kept` or `none`, and ends with `inTheWay` where something else stands in the conversation's place.
 */
export function renewHomeCommand(
  sandbox: Pick<Sandbox, "paths">,
  input: { claudeSessionId: string; leftovers: readonly string[] },
): [string, ...string[]] {
  const { home, tmp } = sandbox.paths;
  const kept = `${tmp}/kept-${randomBytes(8).toString("hex")}`;
  return [
    ...(["/bin/sh", "-c", script, "renew"] as const),
    ...[transcriptPath(sandbox, input.claudeSessionId), kept, String(maxTranscriptBytes)],
    ...[`${home}/.claude`, `${home}/.claude.json`, ...input.leftovers],
  ];
}

/** What the command printed: whether there is a conversation to resume; null when it did not come to its end. */
export function parseRenewed(stdout: string): boolean | null {
  const said = stdout.trim();
  return said === "kept" ? true : said === "none" ? false : null;
}

export const inTheWay = 3;

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
