import { Minimatch } from "minimatch";

/** Whether a pattern has a meaning here, and can be matched in little time whatever the path. */
export function isProtectedPattern(pattern: string): boolean {
  if (pattern.length > 200 || /[\x00-\x1f\\]/.test(pattern) || pattern.startsWith("!")) return false;
  const parts = split(pattern);
  if (parts.length === 0 || parts.some((part) => part === "" || part === "." || part === "..")) return false;
  // A search goes back and forth with the power of the stars.
  if (parts.filter((part) => part === "**").length > 3) return false;
  return parts.every((part) => part === "**" || (!part.includes("**") && part.split("*").length <= 3));
}

/**
 * Whether a changed path (text, with slashes, from the repository's root) is one of those, as in .gitignore: a pattern
 * without a slash within stands for a name at any depth, and a folder for everything below it. A file or link where a
 * folder of a pattern would have to be is protected as well, because it would hide the folder. Whatever their case.
 */
export function isProtected(path: string, patterns: readonly string[]): boolean {
  const name = fold(path);
  return patterns.some((pattern) => compiled(pattern).some((each) => each.match(name)));
}

const options = {
  dot: true,
  nobrace: true,
  noext: true,
  nonegate: true,
  nocomment: true,
  platform: "linux",
} as const;

/** The few patterns of a repository are asked about once per changed file. */
const known = new Map<string, readonly Minimatch[]>();
const maxKnown = 1_000;

function compiled(pattern: string): readonly Minimatch[] {
  const found = known.get(pattern);
  if (found !== undefined) return found;
  if (known.size >= maxKnown) known.clear();
  const made = toGlobs(pattern).map((glob) => new Minimatch(glob, options));
  known.set(pattern, made);
  return made;
}

function toGlobs(pattern: string): string[] {
  const folded = fold(pattern).replaceAll(/[[\]]/g, (sign) => (sign === "[" ? "[[]" : "[]]"));
  const parts = split(folded);
  const anywhere = parts.length === 1 && !folded.startsWith("/");
  const whole = (anywhere ? ["**", ...parts] : parts).join("/");
  const globstar = parts.indexOf("**");
  const fixed = anywhere ? [] : parts.slice(0, globstar === -1 ? parts.length - 1 : globstar);
  const hiding = fixed.map((_, index) => fixed.slice(0, index + 1).join("/"));
  return [whole, `${whole}/**`, ...hiding];
}

/** Its names, without the slashes at its ends. */
const split = (pattern: string): string[] => pattern.replaceAll(/^\/|\/$/g, "").split("/");

/** As a file system or a server that ignores case and invisible characters would see the name. */
const fold = (path: string): string =>
  path
    .normalize("NFKC")
    .replaceAll(/[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g, "")
    .toLowerCase();
