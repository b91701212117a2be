import type { Place } from "./place-store.ts";

/** Why a task does not run yet, in words without a full stop; null: it is about to. */
export function whyItWaits(place: Place): string | null {
  if (place.sessionBusy) return "an earlier task of this conversation is at work";
  if (place.limit !== null) {
    const { login, slots } = place.limit;
    return busy(
      login === null ? "this repository's" : `${login}'s`,
      slots,
      login === null ? "" : " in this repository",
    );
  }
  if (place.running < place.slots) return place.ahead === place.running ? null : "the server is busy";
  return busy("the account's", place.slots);
}

const busy = (whose: string, slots: number, where = ""): string =>
  slots === 1 ? `${whose} one slot${where} is busy` : `${whose} ${slots} slots${where} are busy`;

/** Its place among those that wait: 1 is next. */
export function placeInLine({ ahead, running, open }: Place): { place: number; of: number } {
  return { place: Math.max(1, ahead - running + 1), of: Math.max(1, open - running) };
}
