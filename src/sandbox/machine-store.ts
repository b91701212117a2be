import { randomBytes } from "node:crypto";
import { mkdir, readFile, readdir, rename, writeFile } from "node:fs/promises";
import { z } from "zod";
import { machineLayout } from "./local-layout.ts";
import { SandboxError, type SandboxSummary } from "./sandbox.ts";

/** What is written of a machine beside its folders. */
const machineMeta = z.object({
  id: z.string(),
  metadata: z.object({ app: z.string(), session: z.string(), fence: z.string() }),
  state: z.enum(["running", "paused"]),
  startedAt: z.iso.datetime(),
});

export type MachineMeta = z.infer<typeof machineMeta>;

const idPattern = /^[0-9a-f]{16}$/;

/** Null when there is no such machine, or only a half made one. */
export async function readMeta(directory: string, id: string): Promise<MachineMeta | null> {
  if (!idPattern.test(id)) return null;
  let text: string;
  try {
    text = await readFile(machineLayout(directory, id).meta, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  }
  return machineMeta.parse(JSON.parse(text));
}

export async function writeMeta(directory: string, meta: MachineMeta): Promise<void> {
  const path = machineLayout(directory, meta.id).meta;
  const draft = `${path}.${randomBytes(4).toString("hex")}`;
  await writeFile(draft, JSON.stringify(meta), { mode: 0o600 });
  await rename(draft, path);
}

export async function changeState(directory: string, id: string, state: MachineMeta["state"]): Promise<void> {
  const meta = await readMeta(directory, id);
  if (meta === null) throw machineGone(id);
  if (meta.state !== state) await writeMeta(directory, { ...meta, state });
}

export async function listMachines(directory: string): Promise<SandboxSummary[]> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const found: SandboxSummary[] = [];
  for (const id of await readdir(directory)) {
    const meta = await readMeta(directory, id);
    if (meta === null) continue;
    found.push({ id, metadata: meta.metadata, state: meta.state, startedAt: new Date(meta.startedAt) });
  }
  return found;
}

export function machineGone(id: string): SandboxError {
  return new SandboxError("gone", `expected a local machine ${JSON.stringify(id)}, found none`);
}
