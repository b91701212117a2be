import { stat } from "node:fs/promises";
import { z } from "zod";
import { ConnectError, type EventStream } from "./connect-stream.ts";
import type { Machine } from "./machine.ts";
import { isMissing, locate } from "./machine-paths.ts";
import { strange } from "./refusal.ts";
import { runCommand, type Command } from "./run-command.ts";

const selector = z.strictObject({ pid: z.number().int().positive() });
const byProcess = z.strictObject({ process: selector });
const startRequest = z.strictObject({
  process: z.strictObject({
    cmd: z.string(),
    args: z.array(z.string()).default([]),
    envs: z.record(z.string(), z.string()).default({}),
    cwd: z.string().optional(),
  }),
  // envd turns stdin on when it is left out; the client of 2.51 always says.
  stdin: z.boolean(),
});
const inputRequest = z.strictObject({ process: selector, input: z.strictObject({ stdin: z.base64() }) });
const signalRequest = z.strictObject({
  process: selector,
  signal: z.enum(["SIGNAL_SIGTERM", "SIGNAL_SIGKILL"]),
});

type Rpc = (machine: Machine, message: unknown) => Promise<unknown>;

/** The unary calls of process.Process that are modelled. */
export const processService: Readonly<Record<string, Rpc>> = {
  List: (machine, message) => {
    z.strictObject({}).parse(message);
    const processes = [...machine.commands.values()].map(({ pid, config }) => ({ pid, config }));
    return Promise.resolve({ processes });
  },
  SendInput: async (machine, message) => {
    const { process, input } = inputRequest.parse(message);
    await find(machine, process.pid).write(Buffer.from(input.stdin, "base64"));
    return {};
  },
  CloseStdin: (machine, message) => {
    find(machine, byProcess.parse(message).process.pid).closeStdin();
    return Promise.resolve({});
  },
  SendSignal: (machine, message) => {
    const { process, signal } = signalRequest.parse(message);
    find(machine, process.pid).signal(signal === "SIGNAL_SIGKILL" ? "SIGKILL" : "SIGTERM");
    return Promise.resolve({});
  },
};

function find(machine: Machine, pid: number): Command {
  const command = machine.commands.get(pid);
  if (command === undefined) throw new ConnectError("not_found", `process with pid ${pid} not found`);
  return command;
}

/** process.Process/Start: starts the command and lets the stream listen; the process does not depend on the stream. */
export async function startProcess(
  machine: Machine,
  input: { message: unknown; timeoutMs: number | null },
): Promise<Command> {
  const { process: wanted, stdin } = startRequest.parse(input.message);
  const cwd = await findFolder(machine, wanted.cwd ?? "");
  const env = environment(machine, wanted.envs);
  // Asked for last: the machine may have stopped meanwhile.
  if (machine.host === null) throw new ConnectError("unavailable", "the machine stopped");
  const command = await runCommand(machine.host, { ...wanted, cwd, env, stdin, timeoutMs: input.timeoutMs });
  machine.commands.set(command.pid, command);
  void command.ended.then(() => machine.commands.delete(command.pid));
  return command;
}

/** process.Process/Connect: listens to a command that runs already. */
export function connectProcess(machine: Machine, message: unknown): Command {
  return find(machine, byProcess.parse(message).process.pid);
}

/** Lets a stream listen to a command for at most `timeoutMs`. */
export function listenFor(command: Command, stream: EventStream, timeoutMs: number | null): void {
  if (timeoutMs !== null) {
    const timer = setTimeout(
      () => stream.end(new ConnectError("deadline_exceeded", "context deadline exceeded")),
      timeoutMs,
    );
    stream.onClose(() => clearTimeout(timer));
  }
  command.listen(stream);
}

async function findFolder(machine: Machine, path: string): Promise<string> {
  const place = await locate(machine.root, path, { followLast: true });
  const facts =
    place === null
      ? null
      : await stat(place.host).catch((error: unknown) => {
          if (isMissing(error)) return null;
          throw error;
        });
  if (place === null || facts === null) {
    throw new ConnectError("invalid_argument", `cwd '${path}' does not exist`);
  }
  if (!facts.isDirectory()) throw new ConnectError("invalid_argument", `cwd '${path}' is not a directory`);
  return place.inside;
}

function environment(machine: Machine, envs: Record<string, string>): Record<string, string> {
  for (const name of Object.keys(envs)) {
    if (name === "" || name.includes("=")) throw strange(`environment variable "${name}"`, 400);
  }
  return {
    PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    HOME: "/home/user",
    USER: "user",
    LOGNAME: "user",
    E2B_SANDBOX: "true",
    E2B_TEMPLATE_ID: machine.record.template,
    ...machine.record.envs,
    ...envs,
    // Last: what a plain machine's processes are found by.
    E2B_SANDBOX_ID: machine.record.id,
  };
}
