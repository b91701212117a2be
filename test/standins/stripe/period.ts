/** `anchor` (unix seconds) and `count` intervals on; a month that is too short ends on its last day, as Stripe counts. */
export function addIntervals(anchor: number, count: number, interval: string): number {
  const date = new Date(anchor * 1000);
  if (interval === "day") return anchor + count * 86_400;
  if (interval === "week") return anchor + count * 7 * 86_400;
  const months = interval === "year" ? count * 12 : count;
  const day = date.getUTCDate();
  date.setUTCDate(1);
  date.setUTCMonth(date.getUTCMonth() + months);
  const last = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
  date.setUTCDate(Math.min(day, last));
  return Math.floor(date.getTime() / 1000);
}
