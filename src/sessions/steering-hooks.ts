/** Tells the hooks where messages lie; a variable, because a path may hold anything and the script is a constant. */
export const steeringVariable = "REMOTE_CLAUDE_STEERING";

/** How the hooks say on stderr, which the model never sees, that a message was taken. */
export const takenWord = "taken";

/**
 * Claude Code puts what a hook adds beyond 10,000 characters into a file (2.1.330). The script takes further messages below the
 * first number, and none is longer than the second, written as JSON.
 */
const takeBelow = 4_000;
export const maxMessageLength = 5_000;

/**
 * Adds the waiting messages to the agent's next model call. Not to one of a sub-agent's calls, whose hook input has an
 * `agent_id`: as a key only, because quotes within a value are escaped. A rename takes a message, so that it is taken once.
 */
const script = (event: string): string =>
  [
    `set -- "$${steeringVariable}"/*.message`,
    '[ -e "$1" ] || exit 0',
    `case "$(cat)" in *'"agent_id":'*) exit 0 ;; esac`,
    "text=",
    "for file; do " +
      `[ \${#text} -lt ${takeBelow} ] || break; ` +
      'mv -- "$file" "$file.taken" || continue; ' +
      'text=$text$(cat -- "$file.taken"); ' +
      "name=${file##*/}; " +
      `echo "${takenWord} \${name%.message}" >&2; ` +
      "done",
    '[ -n "$text" ] || exit 0',
    `printf '{"hookSpecificOutput":{"hookEventName":"${event}","additionalContext":"%s"}}' "$text"`,
  ].join("; ");

const hook = (event: string) => [{ hooks: [{ type: "command", command: script(event), timeout: 20 }] }];

/**
 * Settings of ours for a turn, on its command line and so out of the reach of what runs in the machine: after each batch of tool
 * calls, before the next model call, and once more before the turn ends, which then goes on.
 */
export const steeringSettings: string = JSON.stringify({
  hooks: { PostToolBatch: hook("PostToolBatch"), Stop: hook("Stop") },
});
