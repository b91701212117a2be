import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Logger } from "pino";
import { sweepCgroups } from "./cgroup.ts";
import { findLocalHost, type LocalIsolation } from "./local-host.ts";
import { type LocalLimits, type LocalMachine, runInMachine } from "./local-exec.ts";
import { hostPaths, insidePaths, machineLayout } from "./local-layout.ts";
import { probeIsolation } from "./local-probe.ts";
import { createLocalSandbox, makeMachineFolders } from "./local-sandbox.ts";
import { changeState, listMachines, machineGone, readMeta, writeMeta } from "./machine-store.ts";
import { removeTree } from "./remove-tree.ts";
import { endRuns } from "./run-records.ts";
import type { Sandbox, SandboxProvider } from "./sandbox.ts";
import { defaultPatience, type Patience } from "./stop-ladder.ts";

/** One turn of Claude Code needs about 225 MB; the rest is for the repository's own tests. */
const defaultLimits: LocalLimits = {
  memoryBytes: 4 * 2 ** 30,
  processes: 1_024,
  openFiles: 16_384,
  fileBytes: 2 * 2 ** 30,
};

export type LocalProviderInput = {
  dataDir: string;
  isolation: LocalIsolation;
  claudeBin: string | null;
  log: Pick<Logger, "warn">;
  limits?: Partial<LocalLimits>;
  patience?: { timeout: Patience; abort: Patience };
};

/**
 * Machines as folders `<dataDir>/sandboxes/<id>` of this host. A command runs under bubblewrap; between two commands a
 * machine is nothing but files, so it outlives restarts and costs nothing.
 */
export function createLocalProvider(input: LocalProviderInput): SandboxProvider {
  const directory = join(resolve(input.dataDir), "sandboxes");
  let host: ReturnType<typeof findLocalHost> | null = null;
  const findHost = () =>
    (host ??= mkdir(directory, { recursive: true, mode: 0o700 }).then(() =>
      findLocalHost({ directory, isolation: input.isolation, claudeBin: input.claudeBin }),
    ));
  const machineOf = async (root: string, id: string): Promise<LocalMachine> => {
    const layout = machineLayout(root, id);
    return {
      host: await findHost(),
      layout,
      paths: input.isolation === "bwrap" ? insidePaths : hostPaths(layout),
      limits: { ...defaultLimits, ...input.limits },
      patience: input.patience ?? defaultPatience,
    };
  };
  const open = async (id: string): Promise<Sandbox> => {
    const machine = await machineOf(directory, id);
    return createLocalSandbox(id, machine, {
      pause: () => pauseMachine(directory, id),
      async kill() {
        await killMachine(directory, id);
      },
    });
  };
  return {
    name: "local",
    async probe() {
      const found = await findHost();
      for (const line of warningsOf(found)) input.log.warn(line);
      if (found.cgroups !== null) await sweepCgroups(found.cgroups, new Date());
      await sweepTrash(directory);
      const trial = await mkdtemp(join(directory, ".probe-"));
      try {
        const machine = await machineOf(trial, "machine");
        await makeMachineFolders(machine);
        const argv = ["true"] as const;
        return await probeIsolation(found, () =>
          runInMachine(machine, { argv, timeoutMs: 10_000 }, "ignore"),
        );
      } finally {
        await rm(trial, { recursive: true, force: true });
      }
    },
    async create(spec) {
      const id = randomBytes(8).toString("hex");
      await makeMachineFolders(await machineOf(directory, id));
      // The metadata comes last: a machine without it is half made and is listed nowhere.
      const startedAt = new Date().toISOString();
      await writeMeta(directory, { id, metadata: spec.metadata, state: "running", startedAt });
      return open(id);
    },
    async connect(id) {
      if ((await readMeta(directory, id)) === null) throw machineGone(id);
      await endRuns(machineLayout(directory, id).run, "orphans");
      await changeState(directory, id, "running");
      return open(id);
    },
    async list(filter) {
      const wanted = Object.entries(filter);
      const all = await listMachines(directory);
      return all.filter(({ metadata }) =>
        wanted.every(([name, value]) => metadata[name as keyof typeof metadata] === value),
      );
    },
    async pauseById(id) {
      const meta = await readMeta(directory, id);
      if (meta === null) throw machineGone(id);
      if (meta.state === "paused") return false;
      await pauseMachine(directory, id);
      return true;
    },
    killById: (id) => killMachine(directory, id),
  };
}

async function pauseMachine(directory: string, id: string): Promise<void> {
  await endRuns(machineLayout(directory, id).run, "all");
  await changeState(directory, id, "paused");
}

function warningsOf(host: Awaited<ReturnType<typeof findLocalHost>>): string[] {
  const lines: string[] = [];
  if (host.isolation === "none") {
    lines.push(
      "SANDBOX_LOCAL_ISOLATION=none: agents run without isolation and can do whatever this user can do on this machine",
    );
  }
  if (host.cgroups === null) {
    lines.push("no cgroup is writable: memory of agents is not limited, process count only by RLIMIT_NPROC");
    if (process.getuid?.() === 0)
      lines.push("RLIMIT_NPROC does not bind root: run the worker as a normal user");
  }
  if (host.tools.prlimit === null)
    lines.push("prlimit is not installed: open files and file size are not limited");
  return lines;
}

async function killMachine(directory: string, id: string): Promise<boolean> {
  if ((await readMeta(directory, id)) === null) return false;
  const layout = machineLayout(directory, id);
  const trash = join(directory, `.trash-${id}`);
  // Without its metadata the machine is gone for everybody: no new command starts while the old ones are ended.
  await rm(layout.meta, { force: true });
  await endRuns(layout.run, "all");
  await rename(layout.root, trash);
  await removeTree(trash);
  return true;
}

/** Finishes removals that a crash cut off. */
async function sweepTrash(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    if (name.startsWith(".trash-")) await removeTree(join(directory, name));
  }
}
