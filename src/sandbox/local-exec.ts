import { type CgroupLimits, killCgroups, openCgroup } from "./cgroup.ts";
import { bwrapArgs } from "./bwrap-args.ts";
import { gatewayUrlInside, launcherArgv, limitArgv, type ProcessLimits } from "./launcher.ts";
import type { LocalHost } from "./local-host.ts";
import { insidePaths, type MachineLayout } from "./local-layout.ts";
import { openLoopbackForwarder } from "./loopback-forwarder.ts";
import { recordRun } from "./run-records.ts";
import type { Running } from "./running.ts";
import { type ExecInput, type ExecResult, type Sandbox, SandboxError } from "./sandbox.ts";
import { startBwrap, statusFd } from "./start-bwrap.ts";
import { startPlain } from "./start-plain.ts";
import type { Patience } from "./stop-ladder.ts";
import { watchCommand } from "./watch-command.ts";

export type LocalLimits = ProcessLimits & CgroupLimits;

export type LocalMachine = {
  host: LocalHost;
  layout: MachineLayout;
  paths: Sandbox["paths"];
  limits: LocalLimits;
  patience: { timeout: Patience; abort: Patience };
};

type Undo = (() => Promise<void>)[];

/** Runs one command in a local machine, from its start to the end of its whole process tree. */
export async function runInMachine(
  machine: LocalMachine,
  input: ExecInput,
  stdin: number | "ignore",
): Promise<ExecResult> {
  const undo: Undo = [];
  try {
    return await runWithUndo(machine, input, { stdin, undo });
  } finally {
    for (const step of undo.reverse()) await step();
  }
}

async function runWithUndo(
  machine: LocalMachine,
  input: ExecInput,
  { stdin, undo }: { stdin: number | "ignore"; undo: Undo },
): Promise<ExecResult> {
  const { host } = machine;
  const cgroup = host.cgroups === null ? null : await openCgroup(host.cgroups, machine.limits);
  if (cgroup !== null) undo.push(() => cgroup.close());
  const gatewayUrl = await openGateway(machine, input, undo);
  const env = environment(
    machine,
    typeof input.env === "function" ? input.env(gatewayUrl) : (input.env ?? {}),
  );
  if (input.signal?.aborted === true) return neverStarted;
  const cgroups = cgroup?.directories ?? [];
  const joinArgv = cgroup === null ? [] : ["/bin/sh", "-c", joinScript, "join", ...cgroups, "--"];
  const start = { machine, input, env, joinArgv, stdin };
  const running = host.isolation === "bwrap" ? isolated(start) : plain(start, cgroups);
  const watched = watchCommand(running, input, machine.patience);
  const { pid } = running.child;
  if (pid !== undefined) {
    // Not awaited before the watching: a command may be over before its record is written.
    const record = recordRun(machine.layout.run, { pid, group: host.isolation === "none", cgroups });
    // Without a record nobody else could end it, as when the machine was killed in this very moment.
    record.catch(() => running.kill());
    undo.push(async () => (await record)());
  }
  return watched;
}

const neverStarted: ExecResult = {
  exitCode: null,
  signal: null,
  timedOut: false,
  aborted: true,
  stdoutTail: "",
  stderrTail: "",
};

/** Constant; the cgroups, `--` and the command come as arguments. 0 stands for the writer itself. */
const joinScript = `
while [ "$1" != -- ]; do
  echo 0 > "$1/cgroup.procs" || exit 126
  shift
done
shift
exec "$@"
`;

type Start = {
  machine: LocalMachine;
  input: ExecInput;
  env: Readonly<Record<string, string>>;
  joinArgv: readonly string[];
  stdin: number | "ignore";
};

function isolated({ machine, input, env, joinArgv, stdin }: Start): Running {
  const { bwrap, socat, prlimit } = machine.host.tools;
  if (bwrap === null || socat === null) {
    throw new SandboxError("auth", "bubblewrap or socat has gone since the start of the worker");
  }
  const options = bwrapArgs(machine.host.bwrap, {
    home: machine.layout.home,
    workspace: machine.layout.workspace,
    cwd: input.cwd ?? insidePaths.workspace,
    env,
    gatewaySocket: input.gatewaySocket ?? null,
    statusFd,
  });
  const [first = "", ...rest] = launcherArgv(
    machine.limits,
    { prlimit, socat },
    { argv: input.argv, gateway: input.gatewaySocket !== undefined },
  );
  return startBwrap(bwrap, options, { joinArgv, argv: [first, ...rest], stdin });
}

function plain({ machine, input, env, joinArgv, stdin }: Start, cgroups: readonly string[]) {
  const { prlimit, setpriv } = machine.host.tools;
  const [first = "", ...rest] = [
    // Dies with the worker, as an isolated command does.
    ...(setpriv === null ? [] : [setpriv, "--pdeathsig", "KILL", "--"]),
    ...limitArgv(machine.limits, prlimit),
    ...input.argv,
  ];
  return startPlain({
    joinArgv,
    argv: [first, ...rest],
    stdin,
    cwd: input.cwd ?? machine.paths.workspace,
    env,
    killStrays: () => killCgroups(cgroups),
  });
}

async function openGateway(machine: LocalMachine, input: ExecInput, undo: Undo): Promise<string> {
  if (input.gatewaySocket === undefined || machine.host.isolation === "bwrap") return gatewayUrlInside;
  const forwarder = await openLoopbackForwarder(input.gatewaySocket);
  undo.push(() => forwarder.close());
  return forwarder.url;
}

/** Without a checkout git would go on to look in the folders above, up to the bot's own repository. */
function unisolated(paths: Sandbox["paths"]): Record<string, string> {
  return { TMPDIR: paths.tmp, GIT_CEILING_DIRECTORIES: paths.workspace };
}

function environment(
  machine: LocalMachine,
  given: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const env = {
    HOME: machine.paths.home,
    PATH: machine.host.path,
    LANG: "C.UTF-8",
    USER: "agent",
    ...(machine.host.isolation === "none" ? unisolated(machine.paths) : {}),
    ...given,
  };
  for (const [name, value] of Object.entries(env)) {
    // bubblewrap's options are separated by NUL: a value with one could add options of its own.
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) || value.includes("\0")) {
      throw new TypeError(`expected a variable name and a value without NUL, got ${JSON.stringify(name)}`);
    }
  }
  return env;
}
