/** One process of a remote machine, followed by its output. */
export type RemoteProcess = {
  pid: number;
  /** The exit code; null when the stream ended otherwise and the process may still run. Never rejects. */
  ended: Promise<number | null>;
  /** Stops listening; the process goes on. */
  leave: () => void;
};

export type RemoteListener = { onStdout: (text: string) => void; onStderr: (text: string) => void };

/** What a remote machine's own API offers for commands: shell texts in, text out. Rejections are SandboxErrors. */
export type RemoteShell = {
  /** Starts a process with an open stdin. Not repeated by itself: its answer may be lost while it runs. */
  start(script: string, listener: RemoteListener): Promise<RemoteProcess>;
  /** Runs a short script that may be repeated without harm, and is, when the connection fails. */
  call(
    script: string,
    options?: { timeoutMs?: number },
  ): Promise<{ exitCode: number; stdout: string; stderr: string }>;
  /** Writes a line to the stdin of a process; nothing happens when it is over. */
  tell(pid: number, line: string): Promise<void>;
  /** Kills one process; nothing happens when it is over. */
  kill(pid: number): Promise<void>;
  /** The processes that this API has started and that still run. */
  processes(): Promise<{ pid: number; args: readonly string[] }[]>;
};
