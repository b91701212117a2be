import { spawn } from "node:child_process";
import { type Running, sendSignal } from "./running.ts";
import type { StartInput } from "./start-bwrap.ts";

/**
 * Starts a command without isolation, in a process group of its own. What leaves the group on purpose outlives the
 * command, unless a cgroup holds it: one of the reasons why this is an explicit setting.
 */
export function startPlain(
  input: StartInput & {
    cwd: string;
    env: Readonly<Record<string, string>>;
    /** Kills what has left the group, as far as a cgroup holds it. */
    killStrays: () => Promise<void>;
  },
): Running {
  const [file, ...args] = [...input.joinArgv, ...input.argv];
  if (file === undefined) throw new TypeError("expected a command, got an empty argv");
  const child = spawn(file, args, {
    stdio: [input.stdin, "pipe", "pipe"],
    env: { ...input.env },
    cwd: input.cwd,
    detached: true,
  });
  const group = (name: NodeJS.Signals) => {
    if (child.pid !== undefined) sendSignal(-child.pid, name);
  };
  return {
    child,
    signal: group,
    kill: () => group("SIGKILL"),
    async cleanUp() {
      group("SIGKILL");
      await input.killStrays();
    },
    assertStarted: () => undefined,
    mayLeaveStrays: true,
  };
}
