import { readFileSync } from "node:fs";
import { z } from "zod";
import { fail, ok, type CheckResult } from "./check.ts";

const packageFile = z.object({ engines: z.object({ node: z.string().regex(/^>=\d+(\.\d+)*$/) }) });

/** Compares with what package.json asks for. */
export function checkNode(version: string = process.versions.node): CheckResult {
  const text = readFileSync(new URL("../../../package.json", import.meta.url), "utf8");
  const least = packageFile.parse(JSON.parse(text)).engines.node.slice(2);
  return isAtLeast(version, least)
    ? ok(version)
    : fail(`expected ${least} or newer, got ${version}`, `Install Node.js ${least} or newer.`);
}

/** Compares versions number by number. */
export function isAtLeast(version: string, least: string): boolean {
  const [have, want] = [version, least].map((text) => text.split(".").map(Number));
  for (const [index, wanted] of (want ?? []).entries()) {
    const had = have?.[index] ?? 0;
    if (had !== wanted) return had > wanted;
  }
  return true;
}
