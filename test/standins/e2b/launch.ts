import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import type { Duplex, Readable } from "node:stream";
import { ConnectError } from "./connect-stream.ts";
import type { CommandStart, Started } from "./host.ts";
import { onlyChild, signalProcess } from "./processes.ts";

const pidFd = 3;
// Tells the pid by which the machine knows the command, waits until the host knows it too, then becomes the command.
const announcer = ["/bin/sh", "-c", 'echo "$$" >&3; read -r _ <&3; exec "$@" 3>&-', "sh"];

/**
 * The launchers of a machine's commands: each one's only child is the command, whose end it repeats as its own. So a command
 * leads no process group, as under envd, and its launcher's group on this host is never another machine's.
 */
export type Launchers = {
  /** `prefix` is the launcher's argv up to the command. */
  launch(prefix: readonly [string, ...string[]], command: CommandStart): Promise<Started>;
  pids(): number[];
  signal(name: NodeJS.Signals): void;
};

export function openLaunchers(): Launchers {
  const running = new Set<ChildProcess>();
  const pids = () => Array.from(running, ({ pid }) => pid).filter((pid) => pid !== undefined);
  return {
    pids,
    signal(name) {
      for (const pid of pids()) signalProcess(pid, name);
    },
    async launch([file, ...args], command) {
      const child = spawn(file, [...args, ...announcer, command.cmd, ...command.args], {
        stdio: [command.stdin ? "pipe" : "ignore", "pipe", "pipe", "pipe"],
        env: { ...command.env },
        cwd: command.cwd,
        detached: true,
      });
      await once(child, "spawn");
      running.add(child);
      child.once("exit", () => running.delete(child));
      return await meet(child);
    },
  };
}

async function meet(child: ChildProcess): Promise<Started> {
  const channel = child.stdio[pidFd] as Duplex;
  // It breaks when the machine ends at this moment; what follows tells.
  channel.on("error", () => channel.destroy());
  const announced = await firstLine(channel);
  if (child.pid === undefined || !/^\d+$/.test(announced)) {
    throw new ConnectError(
      "unavailable",
      `the machine ended before the command began, saying "${announced}"`,
    );
  }
  const hostPid = onlyChild(child.pid);
  channel.end("\n");
  return { child, pid: Number(announced), hostPid };
}

async function firstLine(stream: Readable): Promise<string> {
  let said = "";
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
    said += String(chunk);
    if (said.includes("\n")) break;
  }
  return said.trim();
}
