import { and, eq } from "drizzle-orm";
import type { Tx } from "../../db/client.ts";
import { sandbox } from "../../db/schema.ts";
import type { SandboxRef } from "../sandbox/fleet.ts";
import type { SetupRun } from "./run-setup.ts";

/** How a machine was set up: the key of the commands, and how they went. */
export type MachineSetup = { key: string; run: SetupRun };

/** Null: its checkout was not set up since it was made. */
export async function findSetup(tx: Tx, ref: SandboxRef): Promise<MachineSetup | null> {
  const [row] = await tx.select({ setup: sandbox.setup }).from(sandbox).where(is(ref));
  // What was stored is what recordSetup was given, as JSON keeps it.
  return (row?.setup ?? null) as MachineSetup | null;
}

/** Null where the checkout was made anew, and what the commands had made in it is gone. */
export async function recordSetup(tx: Tx, ref: SandboxRef, setup: MachineSetup | null): Promise<void> {
  await tx.update(sandbox).set({ setup }).where(is(ref));
}

const is = ({ provider, id }: SandboxRef) => and(eq(sandbox.provider, provider), eq(sandbox.id, id));
