import { gatewaySocketInside } from "./bwrap-args.ts";

/** Where the gateway answers inside a sandbox that has a network namespace of its own. */
export const gatewayUrlInside = "http://127.0.0.1:8377";

/**
 * The first process of the namespace. It holds handlers only so that a signal for the group does not pass it by before the
 * command stands; it waits for the relay, because the first thing a command may do is to connect. Constant: the
 * command comes as arguments. 8377 is 20B9, state 0A is LISTEN.
 */
const script = `
stopped=
trap 'stopped=1' INT TERM
if [ "$1" = gateway ]; then
  setsid "$2" TCP-LISTEN:8377,bind=127.0.0.1,fork,reuseaddr "UNIX-CONNECT:$3" </dev/null >/dev/null 2>&1 &
  relay=$!
  until grep -q ':20B9 00000000:0000 0A' /proc/net/tcp; do
    kill -0 "$relay" 2>/dev/null || { echo 'the relay to the gateway did not start' >&2; exit 126; }
    sleep 0.005
  done
  shift 3
else
  shift
fi
[ -z "$stopped" ] || exit 130
"$@"
exit $?
`;

/** What bounds one command beside memory and process count, which are the cgroup's. */
export type ProcessLimits = { processes: number; openFiles: number; fileBytes: number };

/** argv of the sandbox's first process, which runs the given command. */
export function launcherArgv(
  limits: ProcessLimits,
  tools: { prlimit: string | null; socat: string },
  input: { argv: readonly string[]; gateway: boolean },
): string[] {
  const relay = input.gateway ? ["gateway", tools.socat, gatewaySocketInside] : ["isolated"];
  return [
    ...limitArgv(limits, tools.prlimit),
    ...["/bin/sh", "-c", script, "launcher"],
    ...relay,
    ...input.argv,
  ];
}

/** A prefix that runs the rest of the argv under the limits; empty where the system has no prlimit. */
export function limitArgv(limits: ProcessLimits, prlimit: string | null): string[] {
  if (prlimit === null) return [];
  return [
    prlimit,
    "--core=0:0",
    `--nproc=${limits.processes}:${limits.processes}`,
    `--nofile=${limits.openFiles}:${limits.openFiles}`,
    `--fsize=${limits.fileBytes}:${limits.fileBytes}`,
    "--",
  ];
}
