/** Micro-dollars as people read them: cents, and thousandths below a cent. */
export function formatUsd(microUsd: number): string {
  const sign = microUsd < 0 ? "-" : "";
  const amount = Math.abs(microUsd);
  if (amount > 0 && amount < 1_000) return `${sign}under $0.001`;
  if (amount > 0 && amount < 9_500) return `${sign}$0.00${Math.round(amount / 1_000)}`;
  const cents = Math.round(amount / 10_000);
  return `${sign}$${formatCount(Math.floor(cents / 100))}.${String(cents % 100).padStart(2, "0")}`;
}

/** A duration with the two units that matter. */
export function formatDuration(durationMs: number): string {
  const seconds = Math.round(Math.max(0, durationMs) / 1_000);
  if (seconds < 1) return "under 1 s";
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) return withRest(`${minutes} min`, seconds % 60, "s");
  if (minutes < 60) return `${minutes} min`;
  return withRest(`${Math.floor(minutes / 60)} h`, minutes % 60, "min");
}

function withRest(main: string, rest: number, unit: string): string {
  return rest === 0 ? main : `${main} ${rest} ${unit}`;
}

/** A count with thousands set apart: 12,345. */
export function formatCount(count: number): string {
  return String(count).replaceAll(/\B(?=(\d{3})+$)/g, ",");
}

export function formatPlural(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** 1st, 2nd, 3rd, 11th. */
export function formatOrdinal(place: number): string {
  const teen = place % 100 >= 11 && place % 100 <= 13;
  const ending = teen ? "th" : (["th", "st", "nd", "rd"][place % 10] ?? "th");
  return `${place}${ending}`;
}
