import type { LockedPackage } from "./packages.ts";

/** Licences under which a package may be used, changed and handed on beside MIT code, by their SPDX names. */
const allowed = new Set([
  "0BSD",
  "Apache-2.0",
  "BlueOak-1.0.0",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "CC0-1.0",
  "ISC",
  "MIT",
  "Unlicense",
]);

/** These also hold what is linked to them, or are new to the list: fit for tools that nobody gets from us. */
const allowedInDevelopment = new Set([...allowed, "MPL-2.0", "PSF-2.0"]);

/** Packages that name no licence from the lists, each with why it may be here all the same. */
export const licenceExceptions: Readonly<Record<string, string>> = {
  "@anthropic-ai/claude-code":
    "Anthropic's own terms; a development dependency that is not handed on: the image has it only when whoever builds it asks for it",
  "@vibe-kit/sdk": "its package.json names none; the README in the package says MIT",
};

export type LicenceFinding = { package: LockedPackage; licence: string; problem: string | null };

/** Holds each package against the lists; `problem` is null where all is well. */
export function judgeLicences(packages: readonly LockedPackage[]): LicenceFinding[] {
  return packages.map((found) => {
    const licence = found.licence ?? "none named";
    const list = found.developmentOnly ? allowedInDevelopment : allowed;
    const fits = isExcepted(found.name) || isAllowed(licence, list);
    const problem = fits
      ? null
      : `${found.name}@${found.version}: expected a licence of the list in release/licence-policy.ts, got "${licence}"`;
    return { package: found, licence, problem };
  });
}

/** Claude Code comes with one package for each platform. */
function isExcepted(name: string): boolean {
  return Object.hasOwn(licenceExceptions, name) || /^@anthropic-ai\/claude-code-[a-z0-9-]+$/.test(name);
}

/** Whether an SPDX expression can be met from the list: one side of OR, both of AND. */
export function isAllowed(expression: string, list: ReadonlySet<string> = allowed): boolean {
  const inner = expression.trim().replace(/^\((.*)\)$/s, "$1");
  // Nested brackets have not come up yet: what is not understood is refused.
  if (/[()]/.test(inner)) return false;
  return inner
    .split(/\s+OR\s+/)
    .some((side) => side.split(/\s+AND\s+/).every((name) => list.has(name.trim())));
}
