import type { Clock } from "../clock.ts";
import { assertWithinPlan } from "./e2b-lease.ts";
import type { E2bModule } from "./e2b-faults.ts";
import { createE2bTransfer } from "./e2b-transfer.ts";
import type { E2bMachineLink } from "./e2b-link.ts";
import { createE2bShell } from "./e2b-shell.ts";
import type { OpenedMachine } from "./e2b-machines.ts";
import { type RemoteExecTimings, runRemote } from "./remote-exec.ts";
import { createRemoteFiles } from "./remote-files.ts";
import type { RemoteShell } from "./remote-shell.ts";
import { type Sandbox, SandboxError, type SandboxLease } from "./sandbox.ts";

const paths: Sandbox["paths"] = {
  home: "/home/user",
  workspace: "/workspace",
  repo: "/workspace/repo",
  tmp: "/workspace/tmp",
};

/** The provider's side of one machine. */
export type E2bControl = {
  module: E2bModule;
  clock: Clock;
  maxRunMs: number;
  timings: RemoteExecTimings;
  /** Resolves with what E2B says of the machine; null when there is none. */
  stateOf(id: string): Promise<"running" | "paused" | null>;
  setTimeout(id: string, timeoutMs: number): Promise<void>;
  open(id: string, lease: SandboxLease): Promise<OpenedMachine>;
  pause(id: string): Promise<void>;
  kill(id: string): Promise<void>;
};

/** One machine of E2B, as it was opened under a lease. */
export async function createE2bSandbox(
  control: E2bControl,
  opened: OpenedMachine,
  lease: SandboxLease,
): Promise<Sandbox> {
  const { clock, module } = control;
  const id = opened.machine.sandboxId;
  const now = () => clock.now().getTime();
  let machine = opened.machine;
  let time = { runningSince: now() - opened.ageMs, endsAt: now() + lease.timeoutMs };
  let commands = 0;
  const link: E2bMachineLink = {
    id,
    module,
    machine: () => machine,
    stateOf: () => control.stateOf(id),
  };
  const shell = createE2bShell(link);
  const transfer = createE2bTransfer(link);
  const files = createRemoteFiles({ shell, paths }, transfer);
  if (opened.mayHoldRuns) await endCommands(shell, id);
  const runs = { directory: `${paths.tmp}/.runs`, done: [] as string[] };
  const remote = { id, paths, shell, upload: transfer.upload, runs, timings: control.timings };
  return {
    provider: "e2b",
    id,
    gateway: "public-url",
    paths,
    async exec(input) {
      commands += 1;
      try {
        return await runRemote(remote, input);
      } finally {
        commands -= 1;
      }
    },
    ...files,
    async extend(timeoutMs) {
      assertWithinPlan(timeoutMs, control.maxRunMs);
      if (now() + timeoutMs <= time.endsAt) return;
      if (now() + timeoutMs - time.runningSince <= control.maxRunMs) {
        await control.setTimeout(id, timeoutMs);
        time = { ...time, endsAt: now() + timeoutMs };
        return;
      }
      if (commands > 0) throw noTimeLeft(id);
      // A resumed machine starts its run anew.
      await control.pause(id);
      ({ machine } = await control.open(id, { ...lease, timeoutMs }));
      time = { runningSince: now(), endsAt: now() + timeoutMs };
    },
    pause: () => control.pause(id),
    kill: () => control.kill(id),
  };
}

/** Ends what an earlier owner of the machine left running: nobody waits for it any more. */
async function endCommands(shell: RemoteShell, id: string): Promise<void> {
  for (const { pid } of await shell.processes()) {
    await shell.tell(pid, "KILL");
  }
  const deadline = Date.now() + endCommandsMs;
  for (let left = await shell.processes(); left.length > 0; left = await shell.processes()) {
    if (Date.now() > deadline) {
      throw new SandboxError(
        "transient",
        `machine ${id} still runs ${left.length} commands of an earlier owner`,
      );
    }
    if (Date.now() > deadline - endCommandsMs / 2) for (const { pid } of left) await shell.kill(pid);
  }
}

const endCommandsMs = 10_000;

function noTimeLeft(id: string): SandboxError {
  return new SandboxError(
    "refused",
    `machine ${id} runs a command and would pass the plan's longest run; lower TASK_TIMEOUT_MINUTES or raise E2B_MAX_RUN_MINUTES if the plan allows it`,
  );
}
