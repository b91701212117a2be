import { glob, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A clock of the wall that can jump under running programs; what they measure with the steady one goes on. */
export type JumpingClock = {
  /** For the programs. */
  env: Record<string, string>;
  /** As faketime says it: `+61m`, `-10m`, of the true time. */
  jump(offset: string): Promise<void>;
  close(): Promise<void>;
};

/** Rejects where libfaketime is not installed. */
export async function openClock(): Promise<JumpingClock> {
  let library: string | undefined;
  for await (const found of glob("/usr/lib/*/faketime/libfaketimeMT.so.1")) library = found;
  if (library === undefined)
    throw new Error(
      "expected libfaketime under /usr/lib, found none: apt-get install faketime, or leave the clock's blows out",
    );
  const folder = await mkdtemp(join(tmpdir(), "storm-clock-"));
  const file = join(folder, "offset");
  await writeFile(file, "+0");
  return {
    env: {
      LD_PRELOAD: library,
      ...{ FAKETIME_TIMESTAMP_FILE: file, FAKETIME_NO_CACHE: "1", FAKETIME_DONT_FAKE_MONOTONIC: "1" },
    },
    jump: (offset) => writeFile(file, offset),
    close: () => rm(folder, { recursive: true, force: true }),
  };
}
