import { spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { z } from "zod";
import { createOutputTail } from "./output-tail.ts";
import { type Running, sendSignal } from "./running.ts";
import { SandboxError } from "./sandbox.ts";

const statusLine = z
  .object({ "child-pid": z.number().int().positive() })
  .or(z.object({ "exit-code": z.number() }));

/** Where bubblewrap writes its status, as a number it is told in its options. */
export const statusFd = 4;

export type StartInput = {
  /** Joins the cgroups, then becomes the command; empty where there are none. */
  joinArgv: readonly string[];
  argv: readonly [string, ...string[]];
  stdin: number | "ignore";
};

/** Starts bubblewrap with its options on a pipe; `argv` is the launcher and its command. */
export function startBwrap(bwrap: string, options: readonly string[], input: StartInput): Running {
  const [file, ...args] = [...input.joinArgv, bwrap, "--args", "3", "--", ...input.argv];
  if (file === undefined) throw new TypeError("expected a command, got an empty argv");
  const child = spawn(file, args, {
    stdio: [input.stdin, "pipe", "pipe", "pipe", "pipe"],
    env: {},
    cwd: "/",
  });
  const status = watchStatus(child.stdio[statusFd] as Readable);
  sendOptions(child.stdio[3] as Writable, options);
  const complaint = createOutputTail(2_048);
  child.stderr?.on("data", (chunk: Uint8Array) => complaint.push(chunk));
  const running = () => child.exitCode === null && child.signalCode === null;
  const killBwrap = () => void child.kill("SIGKILL");
  return {
    child,
    signal(name) {
      // The command is not there yet: nothing that could end in good order.
      if (status.childPid === null) killBwrap();
      else if (running()) sendSignal(-status.childPid, name);
    },
    kill() {
      // PID 1 of the namespace first: bubblewrap then exits by itself, after the last process of the namespace.
      if (status.childPid === null) killBwrap();
      else if (running()) sendSignal(status.childPid, "SIGKILL");
    },
    cleanUp: () => Promise.resolve(),
    assertStarted() {
      if (status.exited || child.signalCode !== null) return;
      const said = complaint.text().trim();
      throw new SandboxError(
        "transient",
        `bubblewrap was to start a command and exited with ${child.exitCode ?? "nothing"} before it: ${said}`,
      );
    },
    mayLeaveStrays: false,
  };
}

function sendOptions(pipe: Writable, options: readonly string[]): void {
  // The child may have died already (EPIPE); its exit tells.
  pipe.on("error", () => pipe.destroy());
  pipe.end(options.map((option) => `${option}\0`).join(""));
}

function watchStatus(stream: Readable): { childPid: number | null; exited: boolean } {
  const status: { childPid: number | null; exited: boolean } = { childPid: null, exited: false };
  let text = "";
  stream.setEncoding("utf8");
  stream.on("data", (chunk: string) => {
    text += chunk;
    const lines = text.split("\n");
    text = lines.pop() ?? "";
    for (const line of lines.filter((entry) => entry.trim() !== "")) {
      const value = statusLine.parse(JSON.parse(line));
      if ("child-pid" in value) status.childPid = value["child-pid"];
      else status.exited = true;
    }
  });
  return status;
}
