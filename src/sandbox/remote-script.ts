import type { Sandbox } from "./sandbox.ts";

/** Names one command of a machine: where it keeps its output inside, and how its processes are recognised. */
export type RemoteRun = {
  machineId: string;
  /** Letters, digits and dashes. */
  id: string;
  /** The folder of the machine that holds one folder for each command. */
  directory: string;
};

/** Exit codes of the launcher itself; none of them is a command's before its first line was printed. */
export const launcherCodes = { startedBefore: 124, refused: 122 } as const;

/** Every process of a command carries this in its environment, wherever it goes. */
const runVariable = "REMOTE_CLAUDE_RUN";

/** What the launcher prints first on both streams; a login shell's own words may come before it. */
export function runMark({ machineId, id }: RemoteRun): string {
  return `${machineId}/${id}`;
}

/**
 * A shell text that runs one command: constant but for the first line, where everything comes as a quoted word. It holds
 * the output in files beside streaming it, so that nothing is lost when the stream is. A second start of the same run
 * does nothing. Lines on its stdin (INT, TERM, KILL) are signals for the command; KILL ends all that it has started.
 */
export function launchScript(
  run: RemoteRun,
  command: {
    argv: readonly string[];
    env: Readonly<Record<string, string>>;
    cwd: string;
    stdinPath: string | null;
    /** Earlier runs whose files nobody needs any more. */
    done: readonly string[];
  },
): string {
  const words = [runMark(run), run.directory, run.id, command.done.join(" ")];
  words.push(command.cwd, command.stdinPath ?? "");
  words.push(`${runVariable}=${runMark(run)}`, ...assignments(command.env), ...command.argv);
  return `${setWords(words)}\n${launcher}`;
}

/** Waits at most `waitMs` for news of a run and prints them: lines `exit N`, `out BASE64`, `err BASE64`; nothing when the run is unknown. */
export function pollScript(
  run: RemoteRun,
  from: { stdout: number; stderr: number; maxBytes: number; waitMs: number },
): string {
  const rounds = Math.ceil(from.waitMs / pollStepMs);
  const numbers = [from.stdout, from.stderr, from.maxBytes, rounds].map(String);
  return `${setWords([`${run.directory}/${run.id}`, ...numbers])}\n${poll}`;
}

/** Ends whatever a run has left; exits 0 when nothing of it is alive any more. */
export function sweepScript(run: RemoteRun): string {
  return `${setWords([`${runVariable}=${runMark(run)}`])}\nexec 2>/dev/null\n${sweep}\nsweep "$1"`;
}

/** One shell word that means exactly this text. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

export function setWords(words: readonly string[]): string {
  return `set -- ${words.map(quote).join(" ")}`;
}

/** The environment that a command of a remote machine has, PATH apart, which is the machine's own. */
export function baseEnvironment(machineId: string, paths: Sandbox["paths"]): Record<string, string> {
  // Everything that E2B starts carries the machine's id; a command keeps it.
  return { HOME: paths.home, LANG: "C.UTF-8", USER: "user", E2B_SANDBOX_ID: machineId };
}

function assignments(env: Readonly<Record<string, string>>): string[] {
  return Object.entries(env).map(([name, value]) => {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) || value.includes("\0")) {
      throw new TypeError(`expected a variable name and a value without NUL, got ${JSON.stringify(name)}`);
    }
    return `${name}=${value}`;
  });
}

const pollStepMs = 100;

/** Kills by group ($2, if any) and by mark ($1) until nothing is found; an agent that clears its environment and leaves its group gets away until the pause. */
const sweep = `
sweep() {
  local round found
  for round in {1..200}; do
    [ -z "\${2-}" ] || kill -KILL -- "-$2"
    found=$(grep -lzsxF -- "$1" /proc/[0-9]*/environ)
    [ -n "$found" ] || return 0
    found=\${found//\\/proc\\//}
    kill -KILL \${found//\\/environ/}
    [ "$round" -lt 20 ] || sleep 0.05
  done
  return 1
}`;

/**
 * Words: mark, folder of runs, run, finished runs, cwd, stdin file or nothing, then what `env` takes. Job control gives
 * the command a group of its own and leaves SIGINT to it, which a shell would else have it ignore. Who reads the signals also
 * ends everything should the launcher itself be killed: nobody would say then how the command ended.
 */
const launcher = `
mark=$1 runs=$2 run=$2/$3 done=$4 cwd=$5 stdin=$6
shift 6
umask 077
refuse() { printf '%s\\n' "$1" >&2; exit ${launcherCodes.refused}; }
mkdir -p -- "$runs"
if ! mkdir -- "$run"; then
  [ -d "$run" ] && exit ${launcherCodes.startedBefore}
  refuse "expected to make $run in the machine"
fi
for name in $done; do rm -rf -- "\${runs:?}/$name" & done
cd -- "$cwd" || refuse "expected a folder to work in at $cwd"
exec 3<&0 </dev/null
if [ -n "$stdin" ]; then
  [ "$(realpath -e -- "$stdin")" = "$stdin" ] && [ -f "$stdin" ] || refuse "expected a file for stdin at $stdin"
  exec 6<"$stdin" || refuse "expected to read stdin from $stdin"
else
  exec 6</dev/null
fi
printf '%s\\n' "$mark"
printf '%s\\n' "$mark" >&2
exec 4>&1 5>&2 2>/dev/null
${sweep}
exec 8> >(exec 3<&- 5>&- 6<&- tee -- "$run/out" >&4)
outTee=$!
exec 9> >(exec 3<&- 4>&- 6<&- 8>&- tee -- "$run/err" >&5)
errTee=$!
set -m
env -i "PATH=$PATH" "$@" <&6 >&8 2>&9 3<&- 4>&- 5>&- 6<&- 8>&- 9>&- &
leader=$!
exec 6<&- 8>&- 9>&-
{
  while :; do
    word=
    read -r -t 2 word
    heard=$?
    case $word in
      KILL) sweep "$1" "$leader" ;;
      INT | TERM) kill "-$word" -- "-$leader" ;;
    esac
    kill -0 $$ || { sweep "$1" "$leader"; break; }
    # Between 1 and 128 nobody can say anything any more.
    [ "$heard" -eq 0 ] || [ "$heard" -gt 128 ] || break
  done
} <&3 >/dev/null 4>&- 5>&- &
controller=$!
wait "$leader"
code=$?
kill -KILL "$controller"
sweep "$1" "$leader" || code=stuck
wait "$outTee"
wait "$errTee"
printf '%s\\n' "$code" >"$run/exit.new" && mv -- "$run/exit.new" "$run/exit"
[ "$code" != stuck ] || exit 137
exit "$code"`;

/** Words: folder of the run, bytes known of stdout and of stderr, bytes wanted at most, rounds to wait. The exit is read first: after it the files do not grow. */
const poll = `
cd -- "$1" 2>/dev/null || exit 0
known="$2
$3"
for ((round = 0; round < $5; round++)); do
  [ ! -e exit ] && [ "$(stat -c %s out err)" = "$known" ] || break
  sleep ${pollStepMs / 1_000}
done
[ ! -e exit ] || printf 'exit %s\\n' "$(cat exit)"
printf 'out %s\\n' "$(tail -c "+$(($2 + 1))" out | head -c "$4" | base64 -w 0)"
printf 'err %s\\n' "$(tail -c "+$(($3 + 1))" err | head -c "$4" | base64 -w 0)"`;
