import type { Place } from "./place-store.ts";

/** Why a task does not run yet, in words without a full stop; null: it is about to. */
export function whyItWaits(place: Place): string | null {
  if (place.sessionBusy) return "an earlier task of this conversation is at work";
  if (place.running < place.slots) return place.ahead === place.running ? null : "the server is busy";
  return place.slots === 1 ? "the account's one slot is busy" : `the account's ${place.slots} slots are busy`;
}

/** Its place among those that wait: 1 is next. */
export function placeInLine({ ahead, running, open }: Place): { place: number; of: number } {
  return { place: Math.max(1, ahead - running + 1), of: Math.max(1, open - running) };
}
