const maxSlug = 40;

/** Letters that NFKD does not take apart. */
const letters = new Map(
  Object.entries({ ß: "ss", æ: "ae", ø: "o", œ: "oe", đ: "d", ð: "d", ł: "l", þ: "th", ı: "i", ŋ: "n" }),
);

/**
 * `claude/<issue>-<slug>`, with `-<suffix>` for the next session of the same issue (from 2 on).
 * The slug is ASCII, at most 40 characters, cut at a word where one ends near by; "task" when nothing is left.
 */
export function branchName(input: { issueNumber: number; title: string; suffix?: number }): string {
  const suffix = input.suffix === undefined ? "" : `-${input.suffix}`;
  return `claude/${input.issueNumber}-${slug(input.title)}${suffix}`;
}

function slug(title: string): string {
  const ascii = title
    .slice(0, 400)
    .normalize("NFKD")
    .toLowerCase()
    .replaceAll(/[^\x20-\x7E]/g, (letter) => letters.get(letter) ?? (/\p{M}/u.test(letter) ? "" : "-"))
    .replaceAll(/['"`]/g, "")
    .replaceAll(/[^a-z0-9]+/g, "-");
  return cut(ascii.replaceAll(/^-+|-+$/g, "")) || "task";
}

function cut(words: string): string {
  if (words.length <= maxSlug) return words;
  const head = words.slice(0, maxSlug + 1);
  const lastEnd = head.lastIndexOf("-");
  return (lastEnd >= maxSlug / 2 ? head.slice(0, lastEnd) : head.slice(0, maxSlug)).replace(/-+$/, "");
}

/**
 * Whether `git check-ref-format --branch` accepts it, and no white space or invisible character hides in it.
 * Source: git-check-ref-format(1), 2.39.
 */
export function isBranchName(name: string): boolean {
  if (name.length === 0 || Buffer.byteLength(name) > 244 || !name.isWellFormed()) return false;
  if (/[\p{C}\p{Z}~^:?*[\\]/u.test(name) || /\.\.|@\{|\/\/|\/$|^\//.test(name)) return false;
  if (name === "@" || name === "HEAD" || name.startsWith("-") || name.endsWith(".")) return false;
  return name.split("/").every((part) => !part.startsWith(".") && !part.endsWith(".lock"));
}
