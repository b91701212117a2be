import type { Blow } from "./blows.ts";
import { points } from "./points.ts";
import { roundUnit } from "./round-unit.ts";
import type { Unit } from "./unit.ts";

/** How many rounds of a blow, and how many tasks at each point: together the pairs of each point. */
type Dose = { rounds: number; tasks: number };

const full: Record<Blow, Dose> = {
  SIGKILL: { rounds: 20, tasks: 10 },
  SIGSTOP: { rounds: 2, tasks: 10 },
  SIGTERM: { rounds: 2, tasks: 10 },
  database: { rounds: 1, tasks: 10 },
  postgres: { rounds: 1, tasks: 10 },
  silence: { rounds: 1, tasks: 10 },
  "clock-ahead": { rounds: 1, tasks: 10 },
  "clock-behind": { rounds: 1, tasks: 10 },
  disk: { rounds: 1, tasks: 10 },
};

/** For CI. */
const short: Partial<Record<Blow, Dose>> = {
  SIGKILL: { rounds: 1, tasks: 3 },
  SIGSTOP: { rounds: 1, tasks: 1 },
};

/** Everything that the storm does, in its order. */
export function planOf(form: "full" | "short", given?: number): Unit[] {
  const doses = form === "full" ? full : short;
  return (Object.entries(doses) as [Blow, Dose][]).flatMap(([blow, { rounds, tasks }]) =>
    Array.from({ length: rounds }, (_, index) => roundUnit({ blow, index, points, tasks: given ?? tasks })),
  );
}
