import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { UserError } from "../errors.ts";

const contents = z.strictObject({
  url: z.url({ protocol: /^postgres$/ }),
  pid: z.number().int().positive(),
  port: z.number().int().positive(),
  version: z.string(),
});

/** How another command of the same DATA_DIR joins the running PostgreSQL; it holds the password. */
export type ConnectionFile = z.infer<typeof contents>;

const pathIn = (dataDir: string): string => join(dataDir, "postgres.json");

export async function writeConnectionFile(dataDir: string, connection: ConnectionFile): Promise<void> {
  const draft = `${pathIn(dataDir)}.new`;
  await rm(draft, { force: true });
  await writeFile(draft, `${JSON.stringify(connection, null, 2)}\n`, { mode: 0o600 });
  await rename(draft, pathIn(dataDir));
}

/** Null when no bot has left one. */
export async function readConnectionFile(dataDir: string): Promise<ConnectionFile | null> {
  const path = pathIn(dataDir);
  try {
    return contents.parse(JSON.parse(await readFile(path, "utf8")));
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return null;
    throw new UserError(
      "connection-file-unreadable",
      `Expected ${path} to say how to reach the running PostgreSQL, got: ${cause instanceof Error ? cause.message : String(cause)}`,
      "Run the command as the bot's user, or set DATABASE_URL; a damaged file is written anew when the bot restarts.",
      { cause },
    );
  }
}

export async function removeConnectionFile(dataDir: string): Promise<void> {
  await rm(pathIn(dataDir), { force: true });
}
