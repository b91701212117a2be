import { lstat, readdir, readFile, readlink } from "node:fs/promises";
import { join } from "node:path";
import type { Finding } from "./secret-scan.ts";

/** Every file of a folder with its name, and where its links lead; what vanishes meanwhile is left out. */
export async function readFolder(label: string, folder: string): Promise<Finding[]> {
  const names = await readdir(folder, { recursive: true });
  const found = await Promise.all(names.map((name) => readOne(`${label}: ${name}`, join(folder, name))));
  return found.filter((finding) => finding !== null);
}

async function readOne(place: string, path: string): Promise<Finding | null> {
  try {
    const stats = await lstat(path);
    if (stats.isSymbolicLink()) return { place, bytes: Buffer.from(await readlink(path)) };
    if (stats.isFile())
      return { place, bytes: Buffer.concat([Buffer.from(`${place}\n`), await readFile(path)]) };
    return { place, bytes: Buffer.from(place) };
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  }
}
