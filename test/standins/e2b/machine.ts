import { mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { network } from "./api-bodies.ts";
import type { Command } from "./run-command.ts";
import type { MachineHost } from "./host.ts";

/** What of a machine outlasts the stand-in; times are milliseconds of the stand-in's own clock. */
export const machineRecord = z.strictObject({
  id: z.string(),
  template: z.string(),
  metadata: z.record(z.string(), z.string()),
  state: z.enum(["running", "paused"]),
  startedAt: z.number(),
  endAt: z.number(),
  network: network,
  allowInternetAccess: z.boolean().nullable(),
  autoPause: z.boolean(),
  autoPauseMemory: z.boolean(),
  accessToken: z.string(),
  envs: z.record(z.string(), z.string()),
  /** How many pauses have kept its files so far, and which of them counts at the next resume (null: the files as they are). */
  pauses: z.number(),
  goesBackTo: z.number().nullable(),
});

export type MachineRecord = z.infer<typeof machineRecord>;

/** A machine: its record, its folder (`root` holds what it sees as `/home/user`, `/workspace` and `/tmp`), what runs in it. */
export type Machine = {
  record: MachineRecord;
  folder: string;
  root: string;
  /** Null while it is paused. */
  host: MachineHost | null;
  /** True while a pause holds its processes in memory. */
  frozen: boolean;
  commands: Map<number, Command>;
  /** What cuts the streams and requests in flight when the machine stops. */
  cuts: Set<() => void>;
  /** Changes of one machine happen one after another. */
  turn: Promise<unknown>;
};

/** The folders that a machine can write to, as it sees them. */
export const ownFolders = ["/home/user", "/workspace", "/tmp"] as const;

export function makeMachine(directory: string, record: MachineRecord): Machine {
  const folder = join(directory, "machines", record.id);
  return {
    record,
    folder,
    root: join(folder, "root"),
    host: null,
    frozen: false,
    commands: new Map(),
    cuts: new Set(),
    turn: Promise.resolve(),
  };
}

export async function makeFolders(root: string): Promise<void> {
  for (const inside of ownFolders) await mkdir(join(root, inside), { recursive: true });
}

/** Writes the record so that a half-written one is never read. */
export async function saveMachine(machine: Machine): Promise<void> {
  const path = join(machine.folder, "machine.json");
  await writeFile(`${path}.new`, JSON.stringify(machine.record));
  await rename(`${path}.new`, path);
}

/** Reads every machine that an earlier life of the stand-in left in this directory. */
export async function loadMachines(directory: string): Promise<Machine[]> {
  await mkdir(join(directory, "machines"), { recursive: true });
  const ids = await readdir(join(directory, "machines"));
  return await Promise.all(
    ids.map(async (id) => {
      const text = await readFile(join(directory, "machines", id, "machine.json"), "utf8");
      return makeMachine(directory, machineRecord.parse(JSON.parse(text)));
    }),
  );
}
