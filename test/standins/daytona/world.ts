import { renameSync, writeFileSync } from "node:fs";
import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { Faults } from "../e2b/faults.ts";
import type { MachineHost, OpenHost } from "../e2b/host.ts";

/** What of a machine outlasts the stand-in. */
export const machineRecord = z.strictObject({
  id: z.string(),
  name: z.string(),
  snapshot: z.string(),
  labels: z.record(z.string(), z.string()),
  env: z.record(z.string(), z.string()),
  state: z.enum([
    "creating",
    "started",
    "starting",
    "stopping",
    "stopped",
    "archived",
    "error",
    "destroying",
  ]),
  createdAt: z.number(),
  lastActivityAt: z.number(),
  autoStopInterval: z.number(),
  autoArchiveInterval: z.number(),
  autoDeleteInterval: z.number(),
  networkBlockAll: z.boolean(),
  networkAllowList: z.nullable(z.string()),
});

export type MachineRecord = z.infer<typeof machineRecord>;

/** A machine: its record, its folder (`root` holds what it sees as /home/user, /workspace and /tmp), what runs in it. */
export type Machine = {
  record: MachineRecord;
  folder: string;
  root: string;
  host: MachineHost | null;
  /** The change of state that is under way. */
  change: Promise<void>;
};

/** A request as it came in; `status` is 0 until (and unless) it was answered. */
export type Call = { method: string; path: string; status: number; body: unknown };

export type World = {
  directory: string;
  apiKey: string;
  snapshot: string;
  toolPaths: readonly string[];
  openHost: OpenHost;
  clock: () => Date;
  /** Machines on one page of a list, whatever is asked. */
  pageSize: number;
  machines: Map<string, Machine>;
  calls: Call[];
  violations: string[];
  faults: Faults;
  /** The next toolbox downloads end after so many bytes, without a word. */
  cutDownloads: number[];
  url: () => string;
};

const ownFolders = ["home/user", "workspace", "tmp"] as const;

export function holdMachine(directory: string, record: MachineRecord): Machine {
  const folder = join(directory, "machines", record.id);
  return { record, folder, root: join(folder, "root"), host: null, change: Promise.resolve() };
}

export async function makeFolders({ root }: Machine): Promise<void> {
  for (const folder of ownFolders) await mkdir(join(root, folder), { recursive: true });
}

/** Writes the record so that a half-written one is never read; at once, so that no two changes mix. */
export function saveMachine({ folder, record }: Machine): void {
  const path = join(folder, "machine.json");
  writeFileSync(`${path}.new`, JSON.stringify(record));
  renameSync(`${path}.new`, path);
}

export async function loadMachines(directory: string): Promise<Machine[]> {
  await mkdir(join(directory, "machines"), { recursive: true });
  const ids = await readdir(join(directory, "machines"));
  return Promise.all(
    ids.map(async (id) => {
      const text = await readFile(join(directory, "machines", id, "machine.json"), "utf8");
      return holdMachine(directory, machineRecord.parse(JSON.parse(text)));
    }),
  );
}

/** Ends what runs in a machine and removes it with its files. */
export async function destroyMachine(world: World, machine: Machine): Promise<void> {
  machine.record.state = "destroying";
  const { host } = machine;
  machine.host = null;
  await host?.destroy();
  world.machines.delete(machine.record.id);
  await rm(machine.folder, { recursive: true, force: true, maxRetries: 3 });
}
