/**
 * The port behind which every machine stands. Nothing here knows GitHub, tasks or the model:
 * a provider creates machines, a sandbox runs argv arrays and moves files.
 */

/**
 * Why a provider call failed, as far as the caller must decide: gone = make a new one, busy/transient = later,
 * auth = tell the operator, refused = what stands in the machine is not what was asked for (a link, too large); trying again is useless.
 */
export type SandboxFault = "gone" | "busy" | "auth" | "transient" | "refused";

export class SandboxError extends Error {
  override readonly name = "SandboxError";
  readonly fault: SandboxFault;

  constructor(fault: SandboxFault, message: string, options?: ErrorOptions) {
    super(message, options);
    this.fault = fault;
  }
}

export type SandboxMetadata = { app: string; session: string; fence: string };

/** What a machine is opened with, each time it is created or connected to. */
export type SandboxLease = {
  /** How long the machine may live without being extended, ms. */
  timeoutMs: number;
  /** Hosts that it may reach, the gateway's among them; a provider whose commands use the gateway's socket needs none. */
  egress: readonly string[];
};

export type SandboxSpec = SandboxLease & { metadata: SandboxMetadata };

export type SandboxEnvironment = Readonly<Record<string, string>>;

export type ExecInput = {
  /** argv[0] is looked up in the sandbox's PATH; no shell takes part. */
  argv: readonly [string, ...string[]];
  /** Path inside the sandbox; its workspace when absent. */
  cwd?: string;
  /**
   * The whole environment beside the sandbox's own HOME, PATH, LANG. A function is given the address under which
   * `gatewaySocket` answers the command; only the provider knows it before the command starts.
   */
  env?: SandboxEnvironment | ((gatewayUrl: string) => SandboxEnvironment);
  /** A file inside the sandbox that becomes stdin; /dev/null when absent. */
  stdinPath?: string;
  /** Wall clock; when it is over: SIGINT, 5 s, SIGTERM, 5 s, the whole process tree. */
  timeoutMs: number;
  /** Stop now: SIGINT, 2 s, SIGTERM, 1 s, the whole process tree. */
  signal?: AbortSignal;
  onStdout?: (chunk: Uint8Array) => void;
  onStderr?: (chunk: Uint8Array) => void;
  /** Lets the process reach the model and the allowed hosts through this unix socket of the host; none: no network at all. */
  gatewaySocket?: string;
};

/** How a command ended; a non-zero exit is a value, never an exception. */
export type ExecResult = {
  exitCode: number | null;
  signal: string | null;
  timedOut: boolean;
  aborted: boolean;
  /** The last 64 KiB of each stream, for messages. */
  stdoutTail: string;
  stderrTail: string;
};

export type Sandbox = {
  readonly provider: string;
  readonly id: string;
  /** How its commands reach the gateway: by a unix socket of this host, or by the server's public address. */
  readonly gateway: GatewayReach;
  /** Paths inside the sandbox. `repo` is where the checkout goes, `tmp` is scratch space that outlasts a command (the machine's /tmp need not). */
  readonly paths: { home: string; workspace: string; repo: string; tmp: string };
  exec(input: ExecInput): Promise<ExecResult>;
  /** Writes a file (parents are made), mode 0600 unless given. */
  writeFile(path: string, data: Uint8Array | string, options?: { mode?: number }): Promise<void>;
  /** Reads a regular file of at most maxBytes; anything else (link, directory, larger) is a SandboxError or null when absent. */
  readFile(path: string, options: { maxBytes: number }): Promise<Uint8Array | null>;
  /** Copies a directory of the host to `path`, which must not exist yet. The host directory may be consumed. */
  putDirectory(hostDirectory: string, path: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** Lets the machine live at least this much longer from now, ms. */
  extend(timeoutMs: number): Promise<void>;
  /** Stops what runs in it and keeps its files. */
  pause(): Promise<void>;
  kill(): Promise<void>;
};

export type GatewayReach = "socket" | "public-url";

export type SandboxSummary = {
  id: string;
  metadata: SandboxMetadata;
  state: "running" | "paused";
  startedAt: Date;
};

/** What keeps the agent in, as probed by really starting an isolated process. */
export type Isolation = { kind: "bwrap" | "none" | "vm"; detail: string };

export type SandboxProvider = {
  readonly name: string;
  /** Starts an isolated `true`; rejects with a UserError that carries the remedy when isolation is not to be had. */
  probe(): Promise<Isolation>;
  create(spec: SandboxSpec): Promise<Sandbox>;
  /** Connects to (and resumes) a machine; SandboxError "gone" when there is none. */
  connect(id: string, lease: SandboxLease): Promise<Sandbox>;
  list(filter: Partial<SandboxMetadata>): Promise<SandboxSummary[]>;
  /** Pauses a machine that nobody uses; true when this call paused it, SandboxError "gone" when there is none. */
  pauseById(id: string): Promise<boolean>;
  /** Ends the machine; true when this call ended it, false when there was none. */
  killById(id: string): Promise<boolean>;
};
