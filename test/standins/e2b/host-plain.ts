import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { MachineHost, OpenHost } from "./host.ts";
import { openLaunchers } from "./launch.ts";
import { ownFolders } from "./machine.ts";
import { processesByAssignment, processesWith, signalProcess } from "./processes.ts";

// What a machine's processes are known by; every command has it.
const variable = "E2B_SANDBOX_ID";
// With no time to keep it only forks, and repeats the end of its child, a signal too.
const launcher = ["/usr/bin/timeout", "--foreground", "0"] as const;
const ownPath = new RegExp(`(?<![\\w./-])(?:${ownFolders.join("|")})(?![\\w.-])`, "g");

/** Puts the host's folder in the place of every path of the machine that stands in the text. */
export function toHostPaths(root: string, text: string): string {
  return text.replace(ownPath, (found, offset: number) =>
    text.startsWith(root, offset) ? found : join(root, found),
  );
}

/** Runs commands as children of this process: no isolation, paths are mapped only where they stand in plain words. */
export function openPlain(options: { toolPaths: readonly string[] }): OpenHost {
  return ({ id, root }) => {
    const mark = `${variable}=${id}`;
    const map = (text: string) => toHostPaths(root, text);
    const launchers = openLaunchers();
    const processes = () => {
      const own = launchers.pids();
      return processesWith(mark).filter((pid) => !own.includes(pid));
    };
    const host: MachineHost = {
      start: (command) => {
        const env = Object.fromEntries(
          Object.entries(command.env).map(([name, value]) => [name, map(value)]),
        );
        return launchers.launch(launcher, {
          ...command,
          args: withTools(command.args.map(map), options.toolPaths),
          cwd: join(root, command.cwd),
          env: { ...env, TMPDIR: join(root, "/tmp") },
        });
      },
      processes,
      freeze() {
        for (const pid of processes()) signalProcess(pid, "SIGSTOP");
      },
      thaw() {
        for (const pid of processes()) signalProcess(pid, "SIGCONT");
      },
      applyNetwork: () => Promise.resolve(),
      async destroy() {
        for (;;) {
          const pids = (await processesByAssignment(variable)).get(mark) ?? [];
          if (pids.length === 0) return;
          const own = launchers.pids();
          // The launchers end with their children.
          for (const pid of pids) if (!own.includes(pid)) signalProcess(pid, "SIGKILL");
          await delay(5);
        }
      },
    };
    return Promise.resolve(host);
  };
}

// The host's /etc/profile sets PATH anew in a login shell; the tools come back in front of it here.
function withTools(args: string[], toolPaths: readonly string[]): string[] {
  const [login, flag, script] = args;
  if (login !== "-l" || flag !== "-c" || script === undefined || toolPaths.length === 0) return args;
  const quoted = toolPaths.map((path) => `'${path.replaceAll("'", "'\\''")}'`).join(":");
  return [login, flag, `export PATH=${quoted}:"$PATH"\n${script}`];
}
