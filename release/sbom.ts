import { readFileSync } from "node:fs";
import { z } from "zod";
import { makeBill } from "./bill-of-materials.ts";
import { readLockedPackages } from "./packages.ts";

/**
 * `npm run sbom`: a bill of materials in CycloneDX 1.5, made from the lock file alone, so that it needs no network and is the
 * same for the same commit. npm's own `npm sbom` refuses this tree, because an SDK's peer range is older than our OpenTelemetry.
 */
function main(): void {
  const root = new URL("../", import.meta.url);
  const text = readFileSync(new URL("package.json", root), "utf8");
  const { name, version, license } = z
    .object({ name: z.string(), version: z.string(), license: z.string() })
    .parse(JSON.parse(text));
  const omitDevelopment = process.argv.includes("--omit=dev");
  const packages = readLockedPackages(root).filter(
    ({ developmentOnly }) => !(omitDevelopment && developmentOnly),
  );
  process.stdout.write(`${JSON.stringify(makeBill({ name, version, license }, packages), null, 2)}\n`);
}

main();
