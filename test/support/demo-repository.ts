import { readdir, readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const directory = fileURLToPath(new URL("../../demo/repository", import.meta.url));

/** The files of the demo's small project, which has one failing test, by path. */
export async function readDemoRepository(): Promise<Record<string, string>> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const files = await Promise.all(
    paths.map(async (path) => [relative(directory, path), await readFile(path, "utf8")] as const),
  );
  return Object.fromEntries(files);
}
