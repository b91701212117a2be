import { readFileSync } from "node:fs";
import { z } from "zod";

/** One installed place of the lock file, with what the package says of itself. */
export type LockedPackage = {
  name: string;
  version: string;
  /** Its place: a package may be there twice, in two versions. */
  path: string;
  /** A hash in the form of Subresource Integrity; null where the lock file has none. */
  integrity: string | null;
  /** The address it was fetched from, where the lock file names one. */
  resolved: string | null;
  /** An SPDX expression as the package has it; null where it names none. */
  licence: string | null;
  hasInstallScript: boolean;
  /** It is not there in production. */
  developmentOnly: boolean;
};

const lockFile = z.object({
  packages: z.record(
    z.string(),
    z.object({
      name: z.string().optional(),
      version: z.string().optional(),
      integrity: z.string().optional(),
      resolved: z.string().optional(),
      license: z.string().optional(),
      hasInstallScript: z.boolean().optional(),
      dev: z.boolean().optional(),
    }),
  ),
});

const manifest = z.object({
  license: z.union([z.string(), z.object({ type: z.string() })]).optional(),
  // Before SPDX had its own field, npm took a list.
  licenses: z.array(z.object({ type: z.string() })).optional(),
});

/** Every package that `npm ci` may install on some machine, in the order of the lock file. */
export function readLockedPackages(root: URL): LockedPackage[] {
  const lock = lockFile.parse(JSON.parse(readFileSync(new URL("package-lock.json", root), "utf8")));
  return Object.entries(lock.packages)
    .filter(([path]) => path !== "")
    .map(([path, entry]) => ({
      name: entry.name ?? path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length),
      version: entry.version ?? "",
      path,
      integrity: entry.integrity ?? null,
      resolved: entry.resolved ?? null,
      licence: entry.license ?? readOldLicence(new URL(`${path}/package.json`, root)),
      hasInstallScript: entry.hasInstallScript === true,
      developmentOnly: entry.dev === true,
    }));
}

function readOldLicence(file: URL): string | null {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    // Optional packages of other platforms are in the lock file only.
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  }
  const { license, licenses } = manifest.parse(JSON.parse(text));
  if (license !== undefined) return typeof license === "string" ? license : license.type;
  return licenses === undefined || licenses.length === 0
    ? null
    : licenses.map(({ type }) => type).join(" OR ");
}
