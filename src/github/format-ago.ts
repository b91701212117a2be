import { formatDuration, formatPlural } from "./amounts.ts";

const dayMs = 86_400_000;

/** How long ago something was: hours and minutes at first, then days. */
export function formatAgo(ms: number): string {
  if (ms < 2 * dayMs) return `${formatDuration(ms)} ago`;
  return `${formatPlural(Math.floor(ms / dayMs), "day")} ago`;
}
