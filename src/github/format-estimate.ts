import { formatDuration } from "./amounts.ts";

const minuteMs = 60_000;

/** A time that nobody can know exactly, in whole minutes: "about 6 min", "about 6 to 11 min". */
export function formatEstimate({ typicalMs, longMs }: { typicalMs: number; longMs: number }): string {
  const from = roughMinutes(typicalMs);
  const to = Math.max(from, roughMinutes(longMs));
  if (to <= from * 1.2) return from <= 1 ? "about a minute" : `about ${words(from)}`;
  return from < 60 && to < 60 ? `about ${from} to ${to} min` : `about ${words(from)} to ${words(to)}`;
}

/** Above an hour to five minutes: a sharper figure would promise what nobody knows. */
function roughMinutes(ms: number): number {
  const minutes = Math.max(1, Math.round(ms / minuteMs));
  return minutes < 60 ? minutes : Math.round(minutes / 5) * 5;
}

const words = (minutes: number): string => formatDuration(minutes * minuteMs);
