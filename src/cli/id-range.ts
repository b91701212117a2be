import { UserError } from "../errors.ts";

/** The first and the last UUID that begin with a prefix, so that an index finds them. */
export function toIdRange(prefix: string, what: "task" | "session"): { first: string; last: string } {
  const given = prefix.toLowerCase();
  const digits = given.replaceAll("-", "");
  const first = layOut(digits.padEnd(32, "0"));
  if (!/^[0-9a-f]{4,32}$/.test(digits) || (given.includes("-") && !first.startsWith(given))) {
    throw new UserError(
      `${what}-id-invalid`,
      `Expected the id of a ${what}, or at least its first four digits, got ${JSON.stringify(prefix)}.`,
      `remote-claude ${what === "task" ? "tasks" : "session list"} shows the ids.`,
    );
  }
  return { first, last: layOut(digits.padEnd(32, "f")) };
}

function layOut(digits: string): string {
  return [8, 12, 16, 20, 32].map((end, index, ends) => digits.slice(ends[index - 1] ?? 0, end)).join("-");
}

/** The first digits by which each of these ids can be told from the others; never fewer than 13, the time of creation. */
export function shortenIds(ids: readonly string[]): (id: string) => string {
  let length = 13;
  while (length < 36 && new Set(ids.map((id) => id.slice(0, length))).size < new Set(ids).size) length++;
  // A prefix that ends in a hyphen looks as if something were missing.
  return (id) => id.slice(0, length).replace(/-$/, "");
}
