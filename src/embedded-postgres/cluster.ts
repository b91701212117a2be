import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { UserError } from "../errors.ts";
import type { PostgresBinaries } from "./binaries.ts";
import { postgresEnvironment } from "./unprivileged.ts";

export const superuser = "remote_claude";
const passwordFile = "remote-claude.password";

/** Where PostgreSQL keeps its files. */
export const clusterDirOf = (dataDir: string): string => join(dataDir, "postgres");

/**
 * Makes the cluster where there is none yet, and gives its superuser's password. A cluster of another major version
 * is a UserError: PostgreSQL cannot read it.
 */
export async function prepareCluster(input: {
  dataDir: string;
  binaries: PostgresBinaries;
  wrap: (command: readonly string[]) => [string, ...string[]];
}): Promise<{ password: string }> {
  const clusterDir = clusterDirOf(input.dataDir);
  if (!existsSync(clusterDir)) await createCluster(input, clusterDir);
  const major = (await readFile(join(clusterDir, "PG_VERSION"), "utf8")).trim();
  if (major !== input.binaries.major) throw otherMajor(clusterDir, major, input.binaries.major);
  return { password: (await readFile(join(clusterDir, passwordFile), "utf8")).trim() };
}

/** Made beside its place and moved there when it is whole: a kill halfway leaves nothing that looks like a cluster. */
async function createCluster(input: Parameters<typeof prepareCluster>[0], clusterDir: string): Promise<void> {
  const draft = `${clusterDir}.new`;
  const pwfile = `${clusterDir}.password`;
  await mkdir(input.dataDir, { recursive: true, mode: 0o700 });
  await rm(draft, { recursive: true, force: true });
  await rm(pwfile, { force: true });
  const password = randomBytes(24).toString("base64url");
  await writeFile(pwfile, `${password}\n`, { mode: 0o600 });
  const [program, ...args] = input.wrap([
    input.binaries.initdb,
    `--pgdata=${draft}`,
    `--username=${superuser}`,
    `--pwfile=${pwfile}`,
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    // Sorts the same on every machine, so that no update of the system's libraries breaks an index.
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--no-instructions",
  ]);
  try {
    await promisify(execFile)(program, args, { env: postgresEnvironment });
  } catch (cause) {
    throw new UserError(
      "embedded-postgres-failed",
      `The embedded PostgreSQL could not make its files in ${draft}: ${lastWords(cause)}`,
      "Mend what it says (the folder's owner, free space), or set DATABASE_URL.",
      { cause },
    );
  }
  await rename(pwfile, join(draft, passwordFile));
  await rename(draft, clusterDir);
}

function otherMajor(clusterDir: string, found: string, expected: string): UserError {
  return new UserError(
    "embedded-postgres-version",
    `${clusterDir} was made by PostgreSQL ${found}, and this release brings ${expected}, which cannot read it.`,
    `Start the release that made it and save the data (pg_dump --format=custom with the url in postgres.json), move ${clusterDir} away, ` +
      "start this release once, and bring the data back (pg_restore --clean --if-exists).",
  );
}

function lastWords(error: unknown): string {
  if (
    error instanceof Error &&
    "stderr" in error &&
    typeof error.stderr === "string" &&
    error.stderr !== ""
  ) {
    return error.stderr.trim();
  }
  return error instanceof Error ? error.message : String(error);
}
