export type FaultAction =
  { status: number; headers?: Record<string, string>; body?: unknown } | "reset" | "hang";

/**
 * Something to go wrong with requests whose path (query included) and method match, `before` they act or `after` they acted.
 * Happens once unless `times` says otherwise.
 */
export type FaultRule = {
  method?: string;
  path: RegExp;
  times?: number;
  when: "before" | "after";
  do: FaultAction;
};

export type Faults = {
  add(rule: FaultRule): void;
  take(when: FaultRule["when"], request: { method: string; path: string }): FaultAction | undefined;
};

/** Keeps the faults to come, in the order they were added. */
export function openFaults(): Faults {
  const pending: { rule: FaultRule; left: number }[] = [];
  return {
    add: (rule) => void pending.push({ rule, left: rule.times ?? 1 }),
    take(when, { method, path }) {
      const entry = pending.find(
        ({ rule, left }) =>
          left > 0 &&
          rule.when === when &&
          (rule.method === undefined || rule.method === method) &&
          rule.path.test(path),
      );
      if (entry === undefined) return undefined;
      entry.left -= 1;
      return entry.rule.do;
    },
  };
}
