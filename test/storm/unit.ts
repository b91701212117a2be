import type { Blow } from "./blows.ts";
import type { Violation } from "./check.ts";
import type { Row } from "./rows/row.ts";

/** A piece of the storm with servers of its own, so that it can be seen again alone. */
export type Unit = {
  /** Such as `SIGKILL/3`. */
  name: string;
  run(context: { seed: number; log: (line: string) => void }): Promise<UnitResult>;
};

export type UnitResult = RoundOfBlows | FaultsOfOperation | MeasuredRow;

/** One blow that took many tasks, each at its point. */
export type RoundOfBlows = {
  kind: "round";
  blow: Blow;
  /** Tasks that stood at their point when it fell; from the blow to the last word, ms. */
  pairs: readonly { point: string; resumedMs: number }[];
  violations: readonly Violation[];
};

/** What became of tasks that each met one fault at one operation of GitHub's. */
export type FaultsOfOperation = {
  kind: "faults";
  operation: string;
  cells: readonly { fault: string; tasks: number; completed: number }[];
  violations: readonly Violation[];
};

export type MeasuredRow = { kind: "row"; row: Row; violations: readonly Violation[] };

/** What a line of the storm's record holds. */
export type Recorded = { name: string; seed: number; commit: string; date: string; result: UnitResult };
