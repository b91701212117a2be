import type { Redactor } from "../github/redact.ts";

/** The same plain data with every string in it redacted; keys stay, they are ours. */
export function redactStrings<T>(value: T, redact: Redactor): T {
  if (typeof value === "string") return redact(value) as T;
  if (Array.isArray(value)) return value.map((item: unknown) => redactStrings(item, redact)) as T;
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, redactStrings(item as unknown, redact)]),
  ) as T;
}
