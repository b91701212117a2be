const units = [
  { ms: 86_400_000, from: 172_800_000, name: "d" },
  { ms: 3_600_000, from: 7_200_000, name: "h" },
  { ms: 60_000, from: 120_000, name: "min" },
  { ms: 1_000, from: 1_000, name: "s" },
] as const;

/** How long ago a moment was: "just now", "45 s ago", "90 s ago", "3 h ago", "12 d ago". */
export function formatAge(moment: Date, now: Date): string {
  const ageMs = now.getTime() - moment.getTime();
  const unit = units.find(({ from }) => ageMs >= from);
  return unit === undefined ? "just now" : `${Math.floor(ageMs / unit.ms)} ${unit.name} ago`;
}
