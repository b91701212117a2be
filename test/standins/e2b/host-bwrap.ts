import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import { text } from "node:stream/consumers";
import { bwrapOptions, writeEtc } from "./bwrap-options.ts";
import { openEgress } from "./egress.ts";
import type { MachineHost, OpenHost } from "./host.ts";
import { openLaunchers } from "./launch.ts";
import { processesBeside, signalProcess } from "./processes.ts";
import type { Reachable } from "./world.ts";

const bwrap = "/usr/bin/bwrap";
const nsenter = "/usr/bin/nsenter";
const optionsFd = 3;
const statusFd = 4;
// Says when all mounts are made, then only keeps the machine alive.
const keeper = ["/bin/sh", "-c", "echo ready; exec /usr/bin/sleep infinity"];

/** Runs each machine in a bubblewrap of its own, whose namespaces its commands enter one by one. */
export async function openBwrap(options: {
  directory: string;
  toolPaths: readonly string[];
  reachable: readonly Reachable[];
}): Promise<OpenHost> {
  const { toolPaths, reachable } = options;
  const etc = await writeEtc(options.directory, toolPaths);
  return async ({ root, allows }) => {
    const holder = spawn(bwrap, ["--args", String(optionsFd), "--", ...keeper], {
      stdio: ["ignore", "pipe", "pipe", "pipe", "pipe"],
      env: {},
      cwd: "/",
    });
    const gone = once(holder, "exit");
    (holder.stdio[optionsFd] as Writable).end(
      bwrapOptions({ root, etc, toolPaths, statusFd })
        .map((option) => `${option}\0`)
        .join(""),
    );
    const first = await firstProcess(holder);
    const egress = await openEgress({ namespaceOf: first, reachable });
    await egress.apply(allows);
    const others = () =>
      holder.exitCode === null && holder.signalCode === null ? processesBeside(first) : [];
    const [keeperPid] = others();
    const launchers = openLaunchers();
    const into = ["-t", String(first), "-U", "-m", "-p", "-n", "-i", "-u", "--preserve-credentials"];
    const processes = () => others().filter((pid) => pid !== keeperPid);
    const host: MachineHost = {
      start: (command) =>
        launchers.launch([nsenter, ...into, `--wdns=${command.cwd}`, "--"], { ...command, cwd: "/" }),
      processes,
      freeze() {
        for (const pid of processes()) signalProcess(pid, "SIGSTOP");
      },
      thaw() {
        for (const pid of processes()) signalProcess(pid, "SIGCONT");
        // nsenter stops with its child, and does not go on with it.
        launchers.signal("SIGCONT");
      },
      applyNetwork: egress.apply,
      async destroy() {
        await egress.close();
        // PID 1 of the namespace: the kernel ends every other process of it before this one is gone.
        signalProcess(first, "SIGKILL");
        // The launchers reap their children and end with them; killed as well, they would leave that to the host's own init.
        launchers.signal("SIGCONT");
        await gone;
      },
    };
    return host;
  };
}

async function firstProcess(holder: ChildProcess): Promise<number> {
  const { stdout, stderr } = holder;
  if (stdout === null || stderr === null) throw new Error("Expected bubblewrap with piped output.");
  const complaint = text(stderr);
  const named = childPid(holder.stdio[statusFd] as Readable);
  const ready = await Promise.race([
    once(stdout, "data").then(() => true),
    once(holder, "exit").then(() => false),
  ]);
  if (!ready) throw new Error(`Expected bubblewrap to hold a machine, it said: ${(await complaint).trim()}`);
  return await named;
}

async function childPid(stream: Readable): Promise<number> {
  let said = "";
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
    said += String(chunk);
    const pid = /"child-pid": (\d+)/.exec(said)?.[1];
    if (pid !== undefined) return Number(pid);
  }
  throw new Error(`Expected bubblewrap to name its child, it said: ${said.trim()}`);
}
