import type { ChildProcess } from "node:child_process";

/** One started command, whatever isolates it. */
export type Running = {
  child: ChildProcess;
  /** Asks the command's process group to end. */
  signal(name: "SIGINT" | "SIGTERM"): void;
  /** Ends the whole process tree; returns at once, the child's exit follows. */
  kill(): void;
  /** Called after the child's exit: ends whatever it left behind. */
  cleanUp(): Promise<void>;
  /** Called when everything is read and gone: throws a SandboxError when the command was never started. */
  assertStarted(): void;
  /** Something may outlive the command and hold its pipes open. */
  readonly mayLeaveStrays: boolean;
};

/** Signals a process or (negative) a group; one that has gone meanwhile is what was wanted. */
export function sendSignal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}
