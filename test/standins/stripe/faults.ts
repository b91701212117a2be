/**
 * Something to go wrong, `before` the request has its effect or `after`. A 500 is remembered under the idempotency key, as
 * Stripe does it; 429 and 503 are not. reset cuts the connection; hang never answers; slowMs answers late. Happens once unless `times`
 * says otherwise; `chance` (0-1) makes it happen to some.
 */
export type StripeFault = {
  /** E.g. `Billing/MeterEvents.create`; every operation without it. */
  operation?: string;
  when: "before" | "after";
  times?: number;
  chance?: number;
} & (
  | { status: 429 | 500 | 502 | 503; shouldRetry?: boolean }
  | { reset: true }
  | { hang: true }
  | { slowMs: number }
);

export type FaultList = {
  add(fault: StripeFault): void;
  clear(): void;
  take(when: StripeFault["when"], operation: string): StripeFault | null;
};

/** `random` gives numbers in [0, 1). */
export function openFaults(random: () => number): FaultList {
  let pending: { fault: StripeFault; left: number }[] = [];
  return {
    add: (fault) => {
      if (fault.when === "after" && "status" in fault && fault.status === 429) {
        throw new Error(
          "Expected a 429 before the effect, got one after it: Stripe refuses by rate before it acts.",
        );
      }
      pending.push({ fault, left: fault.times ?? 1 });
    },
    clear: () => {
      pending = [];
    },
    take: (when, operation) => {
      const found = pending.find(
        ({ fault, left }) =>
          left > 0 &&
          fault.when === when &&
          (fault.operation ?? operation) === operation &&
          (fault.chance === undefined || random() < fault.chance),
      );
      if (found === undefined) return null;
      found.left -= 1;
      return found.fault;
    },
  };
}
