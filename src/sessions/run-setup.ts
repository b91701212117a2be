import { createHash } from "node:crypto";
import type { Deps } from "../deps.ts";
import type { RepoSettings } from "../github/repo-settings-schema.ts";
import type { ExecInput, ExecResult, Sandbox } from "../sandbox/sandbox.ts";
import { createOutputTail } from "../sandbox/output-tail.ts";
import { readableTail } from "./readable-tail.ts";

/** How the commands went; plain data, kept with the machine that they ran in. */
export type SetupRun =
  | { ok: true; durationMs: number }
  | {
      ok: false;
      /** The one that failed; those after it did not run. */
      command: string;
      /** Null for one that was ended: by the limit, by us, or by the signal that is named. */
      exitCode: number | null;
      signal: string | null;
      timedOut: boolean;
      /** The task was stopped meanwhile, which says nothing about the commands. */
      aborted: boolean;
      /** The last lines of its output as text, redacted. */
      tail: string;
      durationMs: number;
    };

export type SetupProgress = { command: string; number: number; of: number };

type SetupSettings = Pick<RepoSettings, "setup" | "setupTimeoutMs">;

type SetupInput = {
  sandbox: Sandbox;
  settings: SetupSettings;
  /** The way to the allowed hosts where a sandbox has none of its own. */
  gateway?: { socketPath: string; turnToken: string } | undefined;
  signal: AbortSignal;
  /** Called before each command. */
  onProgress: (progress: SetupProgress) => void;
};

/** Marks the commands that a machine has been set up with: another list has another key. */
export function setupKey({ setup }: Pick<RepoSettings, "setup">): string {
  return createHash("sha256").update(JSON.stringify(setup)).digest("hex");
}

/** More than what is shown, so that colours and progress bars among it leave enough. */
const tailBytes = 32 * 1024;

/**
 * Runs the repository's own commands in its checkout, one after the other, within one limit. A command that fails ends
 * it and is a value; rejects only when the sandbox fails.
 */
export async function runSetup(deps: Pick<Deps, "redact">, input: SetupInput): Promise<SetupRun> {
  const { settings, signal } = input;
  const since = performance.now();
  const elapsedMs = () => Math.round(performance.now() - since);
  for (const [index, command] of settings.setup.entries()) {
    const leftMs = settings.setupTimeoutMs - elapsedMs();
    input.onProgress({ command: deps.redact(command), number: index + 1, of: settings.setup.length });
    const output = createOutputTail(tailBytes);
    const result = await runCommand(input, { command, leftMs, push: (chunk) => output.push(chunk) });
    if (result.exitCode === 0 && !result.timedOut && !result.aborted) continue;
    const { exitCode, signal: endedBy, timedOut } = result;
    return {
      ok: false,
      command: deps.redact(command),
      exitCode: timedOut || result.aborted ? null : exitCode,
      signal: endedBy,
      timedOut: timedOut && !signal.aborted,
      aborted: result.aborted || signal.aborted,
      tail: readableTail(output.text(), deps.redact),
      durationMs: elapsedMs(),
    };
  }
  return { ok: true, durationMs: elapsedMs() };
}

type Command = { command: string; leftMs: number; push: (chunk: Uint8Array) => void };

type Ended = Pick<ExecResult, "exitCode" | "signal" | "timedOut" | "aborted">;

async function runCommand(
  { sandbox, gateway, signal }: SetupInput,
  { command, leftMs, push }: Command,
): Promise<Ended> {
  if (signal.aborted) return { exitCode: null, signal: null, timedOut: false, aborted: true };
  if (leftMs <= 0) return { exitCode: null, signal: null, timedOut: true, aborted: false };
  return sandbox.exec({
    // A script of several lines ends at the first that fails, as people know it from their CI.
    argv: ["bash", "-e", "-c", command],
    cwd: sandbox.paths.repo,
    timeoutMs: leftMs,
    signal,
    onStdout: push,
    onStderr: push,
    ...(gateway === undefined ? {} : reach(gateway)),
  });
}

/** The allowed hosts by the gateway's proxy, and nothing that would make a tool call the model. */
function reach({ socketPath, turnToken }: NonNullable<SetupInput["gateway"]>) {
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
