import type { Redactor } from "../github/redact.ts";
import type { ExecInput, ExecResult, Sandbox } from "../sandbox/sandbox.ts";
import { createOutputTail } from "../sandbox/output-tail.ts";
import { readableTail } from "./readable-tail.ts";

/** How one of the repository's own commands went; plain data, fit to be shown. */
export type CommandEnd = {
  command: string;
  /** Null for one that was ended: by the limit, by us, or by the signal that is named. */
  exitCode: number | null;
  signal: string | null;
  timedOut: boolean;
  /** The task was stopped meanwhile, which says nothing about the command. */
  aborted: boolean;
  /** The last lines of its output as text; "" of one that passed. */
  tail: string;
  durationMs: number;
};

export type CommandProgress = { command: string; number: number; of: number };

export type RunCommandsInput = {
  sandbox: Sandbox;
  /** Shell commands, in their order. */
  commands: readonly string[];
  /** For all of them together. */
  timeoutMs: number;
  /** The way to the allowed hosts where a sandbox has none of its own. */
  gateway?: { socketPath: string; turnToken: string } | undefined;
  signal: AbortSignal;
  /** Called before each command. */
  onProgress: (progress: CommandProgress) => void;
  /** Called after each command, also after the one that failed. */
  onEnd: (end: CommandEnd) => void;
};

/** More than what is shown, so that colours and progress bars among it leave enough. */
const tailBytes = 32 * 1024;

/**
 * Runs the repository's own commands in its checkout, one after the other, within one limit, until one fails; true when none
 * did. Rejects only when the sandbox fails.
 */
export async function runCommands(
  { redact }: { redact: Redactor },
  input: RunCommandsInput,
): Promise<boolean> {
  const { commands, signal } = input;
  const begun = performance.now();
  for (const [index, script] of commands.entries()) {
    const since = performance.now();
    const leftMs = input.timeoutMs - Math.round(since - begun);
    const command = redact(script);
    input.onProgress({ command, number: index + 1, of: commands.length });
    const output = createOutputTail(tailBytes);
    const result = await runCommand(input, { script, leftMs, push: (chunk) => output.push(chunk) });
    const { exitCode, timedOut, aborted } = result;
    const passed = exitCode === 0 && !timedOut && !aborted;
    input.onEnd({
      command,
      exitCode: timedOut || aborted ? null : exitCode,
      signal: result.signal,
      timedOut: timedOut && !signal.aborted,
      aborted: !passed && (aborted || signal.aborted),
      tail: passed ? "" : readableTail(output.text(), redact),
      durationMs: Math.round(performance.now() - since),
    });
    if (!passed) return false;
  }
  return true;
}

type Ended = Pick<ExecResult, "exitCode" | "signal" | "timedOut" | "aborted">;

async function runCommand(
  { sandbox, gateway, signal }: RunCommandsInput,
  { script, leftMs, push }: { script: string; leftMs: number; push: (chunk: Uint8Array) => void },
): Promise<Ended> {
  if (signal.aborted) return { exitCode: null, signal: null, timedOut: false, aborted: true };
  if (leftMs <= 0) return { exitCode: null, signal: null, timedOut: true, aborted: false };
  return sandbox.exec({
    // A script of several lines ends at the first that fails, as people know it from their CI.
    argv: ["bash", "-e", "-c", script],
    cwd: sandbox.paths.repo,
    timeoutMs: leftMs,
    signal,
    onStdout: push,
    onStderr: push,
    ...(gateway === undefined ? {} : reach(gateway)),
  });
}

/** The allowed hosts by the gateway's proxy, and nothing that would make a tool call the model. */
function reach({ socketPath, turnToken }: NonNullable<RunCommandsInput["gateway"]>) {
  return {
    gatewaySocket: socketPath,
    env: (gatewayUrl: string) => {
      const proxy = gatewayUrl.replace("http://", `http://turn:${turnToken}@`);
      const direct = "127.0.0.1,localhost";
      return {
        ...{ HTTP_PROXY: proxy, HTTPS_PROXY: proxy, NO_PROXY: direct },
        ...{ http_proxy: proxy, https_proxy: proxy, no_proxy: direct },
      };
    },
  } satisfies Pick<ExecInput, "gatewaySocket" | "env">;
}
