import type { ChildProcess } from "node:child_process";

/** A command as envd is asked for it, with a path and an environment as the machine sees them. */
export type CommandStart = {
  cmd: string;
  args: readonly string[];
  cwd: string;
  env: Readonly<Record<string, string>>;
  stdin: boolean;
};

/** A started process: `pid` is what the machine calls it, `hostPid` what this host calls it. */
export type Started = { child: ChildProcess; pid: number; hostPid: number };

/** What really runs the processes of one machine, from its start (or resume) to its stop. */
export type MachineHost = {
  start(command: CommandStart): Promise<Started>;
  /** Host pids of the machine's own processes alive now. */
  processes(): number[];
  /** Holds every process where it is, and lets it go on. */
  freeze(): void;
  thaw(): void;
  /** Applies a changed network policy; how far it is enforced is the launcher's matter. */
  applyNetwork: (allows: (host: string) => boolean) => Promise<void>;
  /** Ends every process and resolves when they are gone. */
  destroy(): Promise<void>;
};

export type OpenHost = (machine: {
  id: string;
  root: string;
  allows: (host: string) => boolean;
}) => Promise<MachineHost>;
