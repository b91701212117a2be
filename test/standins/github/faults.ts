import type { JsonObject } from "./json.ts";

/**
 * Something to go wrong: `before` the operation acts or `after` it acted. `status` answers instead of the operation, `reset`
 * drops the connection, `delayMs` alone only slows it down, `meanwhile` is what happens elsewhere in that very moment. Matches `operationId` (git: `git/upload-pack`,
 * `git/receive-pack`) or `path` (below the API, query included). Happens once unless `times` says otherwise.
 */
export type Fault = {
  operationId?: string;
  path?: RegExp;
  /** Only requests of this method. */
  method?: string;
  when: "before" | "after";
  status?: number;
  body?: JsonObject | string;
  headers?: Record<string, string>;
  reset?: boolean;
  delayMs?: number;
  meanwhile?: () => void;
  times?: number;
};

export type FaultList = {
  add(fault: Fault): void;
  clear(): void;
  /** How often faults have struck so far. */
  readonly struck: number;
  take(
    when: Fault["when"],
    request: { operationId: string; path: string; method: string },
  ): Fault | undefined;
};

/** Keeps the faults to come, in the order they were added. */
export function openFaults(): FaultList {
  const pending: { fault: Fault; left: number }[] = [];
  let struck = 0;
  return {
    add: (fault) => {
      if (fault.operationId === undefined && fault.path === undefined) {
        throw new Error("Expected a fault with operationId or path, got neither.");
      }
      pending.push({ fault, left: fault.times ?? 1 });
    },
    clear: () => pending.splice(0),
    get struck() {
      return struck;
    },
    take: (when, request) => {
      const entry = pending.find(
        ({ fault, left }) => left > 0 && fault.when === when && strikes(fault, request),
      );
      if (entry === undefined) return undefined;
      entry.left -= 1;
      struck += 1;
      return entry.fault;
    },
  };
}

function strikes(fault: Fault, request: { operationId: string; path: string; method: string }): boolean {
  if (fault.operationId !== undefined && fault.operationId !== request.operationId) return false;
  if (fault.method !== undefined && fault.method !== request.method) return false;
  return fault.path === undefined || fault.path.test(request.path);
}
